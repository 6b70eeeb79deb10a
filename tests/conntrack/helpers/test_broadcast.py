"""NetBIOS name service and SNMP: only what the firewall asks of a network's broadcast address."""

import pytest
from scenes import context_for, replay, udp

from pcapaudit.conntrack.config import ConntrackConfig
from pcapaudit.conntrack.expectations import Expectations, Master, Tuple
from pcapaudit.conntrack.helpers.broadcast import NETBIOS_NS, SNMP
from pcapaudit.conntrack.helpers.helper import NS, Answer, Control, Desk

FIREWALL, NETWORK = 0x0A000001, 0x0A0000FF


def asked(helper, *, local=True, direction=0, mask=0xFFFFFF00):
    """The expectations after a question of the firewall."""
    table, refreshed = Expectations(), []
    desk = Desk(table, dict(helper.params), netmask=lambda address: mask if address == NETWORK else 0)
    desk.refresh = lambda _, ns: refreshed.append(ns)
    master = Master(1, helper, Tuple(4, 17, FIREWALL, 50000, NETWORK, helper.port))
    assert helper.read(Control(direction, False, b"?", 1, 0, 0, 1, local), master, desk) == Answer.ACCEPT
    return table, refreshed


@pytest.mark.parametrize(("helper", "seconds"), [(NETBIOS_NS, 3), (SNMP, 30)])
def test_anybody_of_the_network_may_answer(helper, seconds):
    """Again and again, from the service's port, for as long as the question lives."""
    table, refreshed = asked(helper)
    assert refreshed == [seconds * NS]
    answer = Tuple(4, 17, 0x0A000042, helper.port, FIREWALL, 50000)
    assert table.arrive(answer, 1)
    assert table.arrive(answer, 2)
    assert not table.arrive(Tuple(4, 17, 0x0A000142, helper.port, FIREWALL, 50000), 3)
    assert not table.arrive(Tuple(4, 17, 0x0A000042, 1, FIREWALL, 50000), 3)
    assert not table.find(answer, seconds * NS)


@pytest.mark.parametrize("more", [{"local": False}, {"direction": 1}, {"mask": 0}])
def test_nothing_else_is_read(more):
    """What is forwarded, an answer, an address that is no broadcast address."""
    table, refreshed = asked(NETBIOS_NS, **more)
    assert (len(table), refreshed) == (0, [])


def test_time_out_is_a_setting():
    """As the kernel module's parameter."""
    config = ConntrackConfig().with_helper_param("netbios_ns.timeout=7")
    assert NETBIOS_NS.tune({**dict(NETBIOS_NS.params), **config.helper_params})[0].timeout_ns == 7 * NS


def test_forwarded_question_changes_nothing():
    """Through the engine: the question of an inside host."""
    config = ConntrackConfig().with_helper("netbios-ns")
    rows = replay([(0, udp("10.0.0.1:137", "10.0.0.255:137")), (1, udp("10.0.0.9:137", "10.0.0.1:137"))], config=config).rows
    assert [row.state for row in rows] == ["new", "new"]
    assert context_for([], config=config).topology.assumed
