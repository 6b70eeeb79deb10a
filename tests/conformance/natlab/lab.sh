# A router that translates, between two hosts, in network namespaces of its own: real programs talk, tcpdump records both of its links and all
# of them at once, and the kernel's connection table is kept. As root:
#     unshare -m sh -c 'mkdir -p /run/netns; mount -t tmpfs none /run/netns; bash lab.sh nft; bash lab.sh ipt'
set -e
N=$1
cd "$(dirname "$0")"
for n in tl tr tw; do ip netns del $n 2>/dev/null || true; ip netns add $n; ip -n $n link set lo up; done
ip link add lan netns tr type veth peer name e0 netns tl
ip link add wan netns tr type veth peer name e0 netns tw
ip -n tl addr add 192.168.10.20/24 dev e0; ip -n tl addr add 192.168.10.21/24 dev e0; ip -n tl link set e0 up
ip -n tr addr add 192.168.10.1/24 dev lan; ip -n tr addr add 198.51.100.2/24 dev wan; ip -n tr link set lan up; ip -n tr link set wan up
ip -n tw addr add 198.51.100.10/24 dev e0; ip -n tw link set e0 up
ip -n tl route add default via 192.168.10.1; ip -n tw route add 10.77.0.0/24 via 198.51.100.2
ip netns exec tr sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.lan.rp_filter=0 net.ipv4.conf.lan.send_redirects=0 net.ipv4.conf.all.send_redirects=0
for n in tl tr tw; do for i in all default; do ip netns exec $n sysctl -qw net.ipv6.conf.$i.disable_ipv6=1; done; done
if [ $N = nft ]; then ip netns exec tr nft -f rules.nft; else ip netns exec tr iptables-restore rules.v4; fi
ip netns exec tr tcpdump -q -U -i lan -w $N-lan.pcap 2>/dev/null & A=$!
ip netns exec tr tcpdump -q -U -i wan -w $N-wan.pcap 2>/dev/null & B=$!
ip netns exec tr tcpdump -q -U -i any -w $N-any.pcap 2>/dev/null & C=$!
sleep 1
ip netns exec tl python3 -c "
import socket,threading
def tcp(a,p):
    s=socket.socket(); s.setsockopt(socket.SOL_SOCKET,socket.SO_REUSEADDR,1); s.bind((a,p)); s.listen(9)
    while 1:
        c,_=s.accept(); c.sendall(c.recv(100)); c.close()
threading.Thread(target=tcp,args=('192.168.10.21',80),daemon=True).start()
import time; time.sleep(8)" & D=$!
ip netns exec tw python3 -c "
import socket,threading,time
def tcp(p):
    s=socket.socket(); s.bind(('198.51.100.10',p)); s.listen(9)
    while 1:
        c,_=s.accept(); c.sendall(c.recv(100)); c.close()
def udp(p):
    s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.bind(('198.51.100.10',p))
    while 1:
        d,a=s.recvfrom(100); s.sendto(d,a)
threading.Thread(target=tcp,args=(443,),daemon=True).start(); threading.Thread(target=udp,args=(53,),daemon=True).start()
time.sleep(8)" & E=$!
ip netns exec tr python3 -c "
import socket,threading,time
def udp(p):
    s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.bind(('0.0.0.0',p))
    while 1:
        d,a=s.recvfrom(100); s.sendto(d,a)
threading.Thread(target=udp,args=(5353,),daemon=True).start()
time.sleep(8)" & F=$!
sleep 1
L="ip netns exec tl python3 client.py"; W="ip netns exec tw python3 client.py"
$L "tcp('192.168.10.20',('198.51.100.10',443),4000)"
$L "tcp('192.168.10.21',('198.51.100.10',443),4000)"
$L "udp('192.168.10.20',('198.51.100.10',53),5000)"
$L "udp('192.168.10.21',('198.51.100.10',53),5000)"
$W "tcp('198.51.100.10',('198.51.100.2',8080),6000)"
$L "tcp('192.168.10.20',('198.51.100.2',8080),7000)" || echo hairpin failed
$L "udp('192.168.10.20',('9.9.9.9',53),7100)" || echo redirect failed
if [ $N = ipt ]; then $W "tcp('198.51.100.10',('10.77.0.21',80),6100)" || echo netmap failed; fi
ip netns exec tr cat /proc/net/nf_conntrack > $N.txt
sleep 1; kill $A $B $C; wait $D $E $F; 
for n in tl tr tw; do ip netns del $n; done
