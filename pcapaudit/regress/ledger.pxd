import cython


@cython.final
cdef class Sort:
    cdef readonly object kind
    cdef readonly object old
    cdef readonly object new
    cdef readonly bint about
    cdef readonly bint entry
    cdef readonly object part
    cdef readonly int shift
    cdef readonly bint strong
    cdef readonly bint blocked
    cdef readonly bint allowed
    cdef readonly bint state_differs
    cdef readonly bint begins
    cdef readonly tuple key


@cython.final
cdef class Change:
    cdef readonly object kind
    cdef readonly object old
    cdef readonly object new
    cdef readonly unsigned long long number
    cdef readonly long long packets
    cdef readonly long long consequences
    cdef readonly long long frame_bytes
    cdef readonly long long flows
    cdef readonly long long whole
    cdef readonly long long part
    cdef readonly long long first_frame
    cdef readonly long long last_frame
    cdef readonly dict parts
    cdef readonly list examples


@cython.final
@cython.no_gc
cdef class Flow:
    cdef long long order
    cdef unsigned long long first
    cdef unsigned long long homes
    cdef unsigned long long strong
    cdef unsigned long long direct
    cdef list more

    @cython.locals(bits="unsigned long long", shift=int)
    cdef bint counts(self, unsigned long long number) except -1


@cython.final
cdef class Ledger:
    cdef readonly dict changes
    cdef list _numbered
    cdef readonly long long flows
    cdef readonly long long packets_beyond_changes
    cdef readonly long long packets_beyond_flows
    cdef bint _observed
    cdef long long _max_changes
    cdef long long _max_flows
    cdef dict _by_old
    cdef dict _by_new

    @cython.locals(sort=Sort, flow=Flow, change=Change, home="unsigned long long")
    cdef Change _book(self, tuple run)
    @cython.locals(one=Flow, other=Flow, flow=Flow)
    cdef Flow _flow_of(self, Sort sort, object old, object new, long long packets)
    @cython.locals(change=Change)
    cdef Change _first(self, Flow flow, Sort sort, tuple run)
    cdef Change _direct(self, Flow flow, Change change, tuple run, long long consequences)
    @cython.locals(home="unsigned long long")
    cdef unsigned long long _home(self, Flow flow, Sort sort)
    @cython.locals(change=Change)
    cdef Change _change(self, Sort sort, tuple run)
    @cython.locals(packets="long long")
    cdef int _add(self, Change change, Sort sort, tuple run, long long consequences) except -1
