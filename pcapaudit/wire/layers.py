"""Numbers of the link layer headers that are followed: what stands at the next byte. ``layers.pxd`` has the same as C constants.

The first three end the way; everything else is one header, read by one method of ``link.LinkReader``.
"""

# What is reached: nothing that holds IP, an IPv4 header, an IPv6 header.
LAYER_END = 0
LAYER_IPV4 = 4
LAYER_IPV6 = 6
# IP of either version, to be told by its first four bits.
LAYER_IP = 1
# A link type that is not decoded.
LAYER_UNKNOWN = 2
# An ethertype that says what follows.
LAYER_ETHERTYPE = 7
LAYER_ETHERNET = 8
LAYER_VLAN = 9
LAYER_SLL = 10
LAYER_SLL2 = 11
# Address family of the capturing host, in its byte order; and in network order.
LAYER_NULL = 12
LAYER_LOOP = 13
# IEEE 802.2, with SNAP behind it or not.
LAYER_LLC = 14
LAYER_MPLS = 15
LAYER_PPPOE = 16
# A PPP protocol field; with address and control bytes or not; HDLC framing told by its first byte.
LAYER_PPP = 17
LAYER_PPP_HDLC = 18
LAYER_CISCO_HDLC = 19
LAYER_RADIOTAP = 20
LAYER_PRISM = 21
LAYER_AVS = 22
LAYER_80211 = 23
LAYER_TOKEN_RING = 24
LAYER_FDDI = 25
# BSD's ARCnet header, and Linux's with two bytes more.
LAYER_ARCNET = 26
LAYER_ARCNET_LINUX = 27
LAYER_FRELAY = 28
LAYER_NFLOG = 29
LAYER_PFLOG = 30
LAYER_IPNET = 31
# A header of fixed size whose fields say nothing that is needed, or an ethertype at its end.
LAYER_IPOIB = 32
LAYER_FIREWIRE = 33
LAYER_IP_OVER_FC = 34
LAYER_ENC = 35
LAYER_PPI = 36
# One byte of direction, and then PPP, Cisco HDLC or Frame Relay.
LAYER_PPP_DIR = 37
LAYER_CISCO_HDLC_DIR = 38
LAYER_FRELAY_DIR = 39
# Ethernet behind a capture card's header of four bytes, behind that and a preamble, or behind a preamble.
LAYER_NETANALYZER = 40
LAYER_NETANALYZER_PREAMBLE = 41
LAYER_PREAMBLE = 42
