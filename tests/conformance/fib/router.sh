# Addresses and routes of the router that make_fib.py asks, in a network namespace with the devices eth0 to eth3. router.toml is the same.
set -e
for each in all default eth0 eth1 eth2 eth3; do
  sysctl -qw net.ipv4.conf.$each.rp_filter=0 net.ipv4.conf.$each.accept_local=1 net.ipv4.conf.$each.route_localnet=1
  sysctl -qw net.ipv6.conf.$each.accept_dad=0 net.ipv6.conf.$each.accept_ra=0 net.ipv6.conf.$each.forwarding=1
done
sysctl -qw net.ipv4.ip_forward=1
ip link set lo up
for number in 0 1 2 3; do
  ip link set eth$number address 02:00:00:00:00:0$number group $((number % 2)) up
done
ip address add 203.0.113.7/24 dev eth0
ip address add 192.168.1.1/24 dev eth1
ip address add 192.168.2.1/25 dev eth2
ip -6 address add 2001:db8::7/64 dev eth0 nodad
ip -6 address add fd00:1::1/64 dev eth1 nodad
ip -6 address add fd00:2::1/64 dev eth2 nodad
for number in 0 1 2 3; do
  ip -6 address add fe80::1/64 dev eth$number nodad
done
ip route add default via 203.0.113.1 dev eth0
ip route add 172.16.0.0/12 nexthop via 192.168.1.20 dev eth1 nexthop via 192.168.2.9 dev eth2
ip route add 172.16.9.0/24 dev eth3
ip route add 10.2.0.0/16 via 192.168.2.9 dev eth2
ip route add 198.18.1.0/24 via 192.168.1.20 dev eth1
ip route add blackhole 10.1.0.0/16
ip route add unreachable 10.3.0.0/16
ip route add prohibit 10.4.0.0/16
ip -6 route add default via 2001:db8::1 dev eth0
ip -6 route add 2001:db8:5::/48 via fd00:1::20 dev eth1
ip -6 route add fd00:9::/64 dev eth3
ip -6 route add blackhole fc00:6::/32
ip -6 route add unreachable fc00:7::/32
ip -6 route add prohibit fc00:8::/32
