"""What H.323 says, as far as its helpers read it: H.225.0 (version 4: calls and RAS), H.235 (2) and H.245 (7), in ``per``'s notation.

The parts that no address is in are there for their length alone. Versions matter: Linux knows these, and treats each addition of a newer
one as there. ``|`` stands where Linux has read what it wants of a message and leaves it; names behind it are left out.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from pcapaudit.conntrack.helpers.per import Node, syntax

__all__ = ["Messages", "messages"]

#: H.225.0: addresses, aliases, and what an end point is.
_COMMON = """
H221 ::= SEQUENCE { country INTEGER(0..255), extension INTEGER(0..255), manufacturer INTEGER(0..65535), ... }
NonStandard ::= SEQUENCE { identifier CHOICE { object OID, h221 H221, ... }, data OCTETS }
TransportAddress ::= CHOICE {
    ipAddress SEQUENCE { ip OCTETS(4), port INTEGER(0..65535) },
    ipSourceRoute SEQUENCE { ip OCTETS(4), port INTEGER(0..65535), route LIST OCTETS(4), routing CHOICE { strict NULL, loose NULL, ... },
        ... },
    ipxAddress SEQUENCE { node OCTETS(6), netnum OCTETS(4), port OCTETS(2) },
    ip6Address SEQUENCE { ip OCTETS(16), port INTEGER(0..65535), ... },
    netBios OCTETS(16), nsap OCTETS(1..20), nonStandardAddress NonStandard, ... }
Alias ::= CHOICE { dialedDigits DIGITS(1..128), h323-ID BMP(1..256), ..., url-ID, transportID, email-ID, partyNumber, mobileUIM }
Vendor ::= SEQUENCE { vendor H221, productId OCTETS(1..256)?, versionId OCTETS(1..256)?, ... }
Caps ::= SEQUENCE { nonStandardData NonStandard?, ..., dataRatesSupported, supportedPrefixes }
Protocols ::= CHOICE { nonStandardData NonStandard, h310 Caps, h320 Caps, h321 Caps, h322 Caps, h323 Caps, h324 Caps, voice Caps,
    t120-only Caps, ..., nonStandardProtocol, t38FaxAnnexbOnly }
EndpointType ::= SEQUENCE {
    nonStandardData NonStandard?, vendor Vendor?, gatekeeper SEQUENCE { nonStandardData NonStandard?, ... }?,
    gateway SEQUENCE { protocol LIST Protocols?, nonStandardData NonStandard?, ... }?,
    mcu SEQUENCE { nonStandardData NonStandard?, ..., protocol }?, terminal SEQUENCE { nonStandardData NonStandard?, ... }?,
    mc BOOLEAN, undefinedNode BOOLEAN, ..., set, supportedTunnelledProtocols }
CallType ::= CHOICE { pointToPoint NULL, oneToN NULL, nToOne NULL, nToN NULL, ... }
CallModel ::= CHOICE { direct NULL, gatekeeperRouted NULL, ... }
"""

#: H.245: logical channels, and whom they go to.
_CHANNELS = """
NonStandard5 ::= SEQUENCE { identifier CHOICE { object OID,
    h221 SEQUENCE { country INTEGER(0..255), extension INTEGER(0..255), manufacturer INTEGER(0..65535) } }, data OCTETS }
Unicast ::= CHOICE {
    iPAddress SEQUENCE { network OCTETS(4), port INTEGER(0..65535), ... },
    iPXAddress SEQUENCE { node OCTETS(6), netnum OCTETS(4), port OCTETS(2), ... },
    iP6Address SEQUENCE { network OCTETS(16), port INTEGER(0..65535), ... },
    netBios OCTETS(16),
    iPSourceRoute SEQUENCE { routing CHOICE { strict NULL, loose NULL }, network OCTETS(4), port INTEGER(0..65535), route LIST OCTETS(4),
        ... },
    ..., nsap, nonStandardAddress }
Multicast ::= CHOICE { iPAddress SEQUENCE { network OCTETS(4), port INTEGER(0..65535), ... },
    iP6Address SEQUENCE { network OCTETS(16), port INTEGER(0..65535), ... }, ..., nsap, nonStandardAddress }
Address ::= CHOICE { unicast Unicast, multicast Multicast, ... }
H261 ::= SEQUENCE { qcif INTEGER(1..4)?, cif INTEGER(1..4)?, tradeOff BOOLEAN, maxBitRate INTEGER(1..19200), still BOOLEAN, ..., badMBs }
H262 ::= SEQUENCE { a BOOLEAN, b BOOLEAN, c BOOLEAN, d BOOLEAN, e BOOLEAN, f BOOLEAN, g BOOLEAN, h BOOLEAN, i BOOLEAN, j BOOLEAN,
    k BOOLEAN, videoBitRate INTEGER(0..1073741823)?, vbvBufferSize INTEGER(0..262143)?, samplesPerLine INTEGER(0..16383)?,
    linesPerFrame INTEGER(0..16383)?, framesPerSecond INTEGER(0..15)?, luminanceSampleRate INTEGER(0..4294967295)?, ..., badMBs }
H263 ::= SEQUENCE { sqcif INTEGER(1..32)?, qcif INTEGER(1..32)?, cif INTEGER(1..32)?, cif4 INTEGER(1..32)?, cif16 INTEGER(1..32)?,
    maxBitRate INTEGER(1..192400), unrestrictedVector BOOLEAN, arithmeticCoding BOOLEAN, advancedPrediction BOOLEAN, pbFrames BOOLEAN,
    tradeOff BOOLEAN, hrd-B INTEGER(0..524287)?, bppMaxKb INTEGER(0..65535)?, ..., slowSqcif, slowQcif, slowCif, slowCif4, slowCif16,
    errorCompensation, enhancementLayerInfo, h263Options }
IS11172Video ::= SEQUENCE { constrained BOOLEAN, videoBitRate INTEGER(0..1073741823)?, vbvBufferSize INTEGER(0..262143)?,
    samplesPerLine INTEGER(0..16383)?, linesPerFrame INTEGER(0..16383)?, pictureRate INTEGER(0..15)?,
    luminanceSampleRate INTEGER(0..4294967295)?, ..., badMBs }
Video ::= CHOICE { nonStandard NonStandard5, h261 H261, h262 H262, h263 H263, is11172 IS11172Video, ..., generic }
IS11172Audio ::= SEQUENCE { layer1 BOOLEAN, layer2 BOOLEAN, layer3 BOOLEAN, k32 BOOLEAN, k44 BOOLEAN, k48 BOOLEAN, single BOOLEAN,
    two BOOLEAN, bitRate INTEGER(1..448), ... }
IS13818Audio ::= SEQUENCE { layer1 BOOLEAN, layer2 BOOLEAN, layer3 BOOLEAN, k16 BOOLEAN, k22 BOOLEAN, k24 BOOLEAN, k32 BOOLEAN,
    k44 BOOLEAN, k48 BOOLEAN, single BOOLEAN, two BOOLEAN, three2-1 BOOLEAN, three3-0 BOOLEAN, four2-0-2-0 BOOLEAN, four2-2 BOOLEAN,
    four3-1 BOOLEAN, five3-0-2-0 BOOLEAN, five3-2 BOOLEAN, lowFrequency BOOLEAN, multilingual BOOLEAN, bitRate INTEGER(1..1130), ... }
Frames ::= INTEGER(1..256)
Audio ::= CHOICE { nonStandard NonStandard5, g711Alaw64k Frames, g711Alaw56k Frames, g711Ulaw64k Frames, g711Ulaw56k Frames,
    g722-64k Frames, g722-56k Frames, g722-48k Frames, g7231 SEQUENCE { frames Frames, silence BOOLEAN }, g728 Frames, g729 Frames,
    g729AnnexA Frames, is11172 IS11172Audio, is13818 IS13818Audio, ..., g729wAnnexB, g729AnnexAwAnnexB, g7231AnnexC, gsmFullRate,
    gsmHalfRate, gsmEnhancedFullRate, generic, g729Extensions }
DataProtocol ::= CHOICE { nonStandard NonStandard5, v14buffered NULL, v42lapm NULL, hdlcFrameTunnelling NULL, h310SeparateVCStack NULL,
    h310SingleVCStack NULL, transparent NULL, ..., segmentationAndReassembly, hdlcFrameTunnelingwSAR, v120, separateLANStack,
    v76wCompression, tcp, udp }
T84 ::= CHOICE { unrestricted NULL, restricted SEQUENCE { a BOOLEAN, b BOOLEAN, c BOOLEAN, d BOOLEAN, e BOOLEAN, f BOOLEAN, g BOOLEAN,
    h BOOLEAN, i BOOLEAN, j BOOLEAN, k BOOLEAN, l BOOLEAN, m BOOLEAN, n BOOLEAN, o BOOLEAN, p BOOLEAN, q BOOLEAN, r BOOLEAN, s BOOLEAN,
    ... } }
Application ::= CHOICE { nonStandard NonStandard5, t120 DataProtocol, dsm-cc DataProtocol, userData DataProtocol,
    t84 SEQUENCE { protocol DataProtocol, profile T84 }, t434 DataProtocol, h224 DataProtocol,
    nlpid SEQUENCE { protocol DataProtocol, data OCTETS }, dsvdControl NULL, h222DataPartitioning DataProtocol, ..., t30fax, t140, t38fax,
    generic }
DataType ::= CHOICE { nonStandard NonStandard5, nullData NULL, videoData Video, audioData Audio,
    data SEQUENCE { application Application, maxBitRate INTEGER(0..4294967295), ... },
    encryptionData CHOICE { nonStandard NonStandard5, h233Encryption NULL, ... }, ..., h235Control, h235Media, multiplexedStream }
H222 ::= SEQUENCE { resourceID INTEGER(0..65535), subChannelID INTEGER(0..8191), pcr-pid INTEGER(0..8191)?, programDescriptors OCTETS?,
    streamDescriptors OCTETS?, ... }
H223 ::= SEQUENCE { adaptationLayerType CHOICE { nonStandard NonStandard5, al1Framed NULL, al1NotFramed NULL, al2Without NULL,
    al2With NULL, al3 SEQUENCE { controlFieldOctets INTEGER(0..2), sendBufferSize INTEGER(0..16777215) }, ..., al1M, al2M, al3M },
    segmentableFlag BOOLEAN, ... }
V76 ::= SEQUENCE {
    hdlc SEQUENCE { crcLength CHOICE { crc8bit NULL, crc16bit NULL, crc32bit NULL, ... }, n401 INTEGER(1..4095), loopback BOOLEAN, ... },
    suspendResume CHOICE { none NULL, wAddress NULL, woAddress NULL, ... }, uIH BOOLEAN,
    mode CHOICE { eRM SEQUENCE { windowSize INTEGER(1..127), recovery CHOICE { rej NULL, sREJ NULL, mSREJ NULL, ... }, ... }, uNERM NULL,
        ... },
    v75 SEQUENCE { audioHeaderPresent BOOLEAN, ... }, ... }
H2250 ::= SEQUENCE { nonStandard LIST NonStandard5?, sessionID INTEGER(0..255), associatedSessionID INTEGER(1..255)?,
    mediaChannel Address?, mediaGuaranteedDelivery BOOLEAN?, mediaControlChannel Address?, |
    mediaControlGuaranteedDelivery?, silenceSuppression?, destination?, dynamicRTPPayloadType?, mediaPacketization?, ... }
H2250Ack ::= SEQUENCE { nonStandard LIST NonStandard5?, sessionID INTEGER(1..255)?, mediaChannel Address?, mediaControlChannel Address?,
    dynamicRTPPayloadType INTEGER(96..127)?, ..., flowControlToZero, portNumber }
Access ::= SEQUENCE { distribution CHOICE { unicast NULL, multicast NULL, ... }?,
    networkAddress CHOICE { q2931Address SEQUENCE { address CHOICE { internationalNumber DIGITS(1..16), nsapAddress OCTETS(1..20), ... },
        subaddress OCTETS(1..20)?, ... }, e164Address DIGITS(1..128), localAreaAddress Address, ... },
    associateConference BOOLEAN, externalReference OCTETS(1..255)?, ..., t120SetupProcedure }
OpenChannel ::= SEQUENCE {
    number INTEGER(1..65535),
    forward SEQUENCE { portNumber INTEGER(0..65535)?, dataType DataType,
        multiplex CHOICE { h222 H222, h223 H223, v76 V76, ..., h2250 H2250, none }, ..., dependency, replacementFor },
    reverse SEQUENCE { dataType DataType, multiplex CHOICE { h223 H223, v76 V76, ..., h2250 H2250 }?, ..., dependency, replacementFor }?,
    ..., separateStack Access, | }
OpenChannelAck ::= SEQUENCE {
    number INTEGER(1..65535),
    reverse SEQUENCE { number INTEGER(1..65535), portNumber INTEGER(0..65535)?, multiplex CHOICE { h222 H222, ..., h2250 H2250 }?, ...,
        replacementFor }?,
    ..., separateStack Access, forwardAck CHOICE { h2250 H2250Ack, ... }, | }
Control ::= CHOICE {
    request CHOICE { nonStandard, masterSlaveDetermination, terminalCapabilitySet, openLogicalChannel OpenChannel, closeLogicalChannel,
        requestChannelClose, multiplexEntrySend, requestMultiplexEntry, requestMode, roundTripDelay, maintenanceLoop, ..., |
        communicationMode, conference, multilink, logicalChannelRate },
    response CHOICE { nonStandard, masterSlaveAck, masterSlaveReject, capabilitySetAck, capabilitySetReject,
        openLogicalChannelAck OpenChannelAck, openLogicalChannelReject, closeLogicalChannelAck, requestChannelCloseAck,
        requestChannelCloseReject, multiplexEntrySendAck, multiplexEntrySendReject, requestMultiplexEntryAck, requestMultiplexEntryReject,
        requestModeAck, requestModeReject, roundTripDelay, maintenanceLoopAck, maintenanceLoopReject, ..., | communicationMode,
        conference, multilink, logicalChannelRateAck, logicalChannelRateReject },
    command, indication, ... }
"""

#: H.225.0: the messages of a call, with H.235's tokens, which one of them holds in front of what is wanted.
_CALL = """
Mode ::= CHOICE { nonStandard NonStandard, none NULL, default NULL, ... }
Security ::= SEQUENCE { nonStandard NonStandard?, encryption Mode, authenticaton Mode, integrity Mode, ... }
H245Security ::= CHOICE { nonStandard NonStandard, noSecurity NULL, tls Security, ipsec Security, ... }
ClearToken ::= SEQUENCE { tokenOID OID, timeStamp INTEGER(1..4294967295)?, password BMP(1..128)?,
    dhkey SEQUENCE { halfkey BITS(0..2048), modSize BITS(0..2048), generator BITS(0..2048), ... }?, challenge OCTETS(8..128)?,
    random INTEGER?, certificate SEQUENCE { type OID, certificate OCTETS, ... }?, generalID BMP(1..128)?,
    nonStandard SEQUENCE { identifier OID, data OCTETS }?, ..., eckasdhkey, sendersID }
Params ::= SEQUENCE { ranInt INTEGER?, iv8 OCTETS(8)?, ..., iv16 }
Hashed ::= SEQUENCE { algorithm OID, params Params, hash BITS }
Encrypted ::= SEQUENCE { algorithm OID, params Params, data OCTETS }
Signed ::= SEQUENCE { toBeSigned OPEN ClearToken, algorithm OID, params Params, signature BITS }
CryptoToken ::= CHOICE { encrypted SEQUENCE { tokenOID OID, token Encrypted }, signed SEQUENCE { tokenOID OID, token Signed },
    hashed SEQUENCE { tokenOID OID, hashedVals ClearToken, token Hashed }, pwdEncr Encrypted, ... }
CryptoH323Token ::= CHOICE {
    epPwdHash SEQUENCE { alias Alias, timeStamp INTEGER(1..4294967295), token Hashed },
    gkPwdHash SEQUENCE { gatekeeperId BMP(1..128), timeStamp INTEGER(1..4294967295), token Hashed },
    epPwdEncr Encrypted, gkPwdEncr Encrypted, epCert Signed, gkCert Signed, fastStart Signed, nested CryptoToken, ... }
FastStart ::= LIST OPEN OpenChannel (0..30)
Setup ::= SEQUENCE {
    protocolIdentifier OID, h245Address TransportAddress?, sourceAddress LIST Alias?, sourceInfo EndpointType,
    destinationAddress LIST Alias?, destCallSignalAddress TransportAddress?, destExtraCallInfo LIST Alias?,
    destExtraCRV LIST INTEGER(0..65535)?, activeMC BOOLEAN, conferenceID OCTETS(16),
    conferenceGoal CHOICE { create NULL, join NULL, invite NULL, ..., capability-negotiation, callIndependent },
    callServices SEQUENCE { a BOOLEAN, b BOOLEAN, c BOOLEAN, d BOOLEAN, e BOOLEAN, f BOOLEAN, g BOOLEAN,
        q954Info SEQUENCE { conferenceCalling BOOLEAN, threePartyService BOOLEAN, ... }, ... }?,
    callType CallType,
    ..., sourceCallSignalAddress TransportAddress, remoteExtensionAddress, callIdentifier, h245SecurityCapability, tokens, cryptoTokens,
    fastStart FastStart, mediaWaitForConnect, canOverlapSend, | }
CallProceeding ::= SEQUENCE { protocolIdentifier OID, destinationInfo EndpointType, h245Address TransportAddress?, ...,
    callIdentifier, h245SecurityMode, tokens, cryptoTokens, fastStart FastStart, multipleCalls, maintainConnection, fastConnectRefused,
    featureSet }
Connect ::= SEQUENCE { protocolIdentifier OID, h245Address TransportAddress?, destinationInfo EndpointType, conferenceID OCTETS(16), ...,
    callIdentifier, h245SecurityMode, tokens, cryptoTokens, fastStart FastStart, multipleCalls, maintainConnection, language,
    connectedAddress, presentationIndicator, screeningIndicator, fastConnectRefused, serviceControl, capacity, featureSet }
Alerting ::= SEQUENCE { protocolIdentifier OID, destinationInfo EndpointType, h245Address TransportAddress?, ...,
    callIdentifier, h245SecurityMode, tokens, cryptoTokens, fastStart FastStart, multipleCalls, maintainConnection, alertingAddress,
    presentationIndicator, screeningIndicator, fastConnectRefused, serviceControl, capacity, featureSet }
Information ::= SEQUENCE { protocolIdentifier OID, ..., callIdentifier, tokens, cryptoTokens, fastStart, fastConnectRefused, circuitInfo }
ReleaseComplete ::= SEQUENCE { protocolIdentifier OID,
    reason CHOICE { noBandwidth NULL, gatekeeperResources NULL, unreachableDestination NULL, destinationRejection NULL,
        invalidRevision NULL, noPermission NULL, unreachableGatekeeper NULL, gatewayResources NULL, badFormatAddress NULL,
        adaptiveBusy NULL, inConf NULL, undefinedReason NULL, ..., facilityCallDeflection, securityDenied, calledPartyNotRegistered,
        callerNotRegistered, newConnectionNeeded, nonStandardReason, replaceWithConferenceInvite, genericDataReason,
        neededFeatureNotSupported, tunnelledSignallingRejected }?, ...,
    callIdentifier, tokens, cryptoTokens, busyAddress, presentationIndicator, screeningIndicator, capacity, serviceControl, featureSet }
Facility ::= SEQUENCE { protocolIdentifier OID, alternativeAddress TransportAddress?, alternativeAliasAddress LIST Alias?,
    conferenceID OCTETS(16)?,
    reason CHOICE { routeCallToGatekeeper NULL, callForwarded NULL, routeCallToMC NULL, undefinedReason NULL, ..., conferenceListChoice,
        startH245, noH245, newTokens, featureSetUpdate, forwardedElements, transportedInformation }, ...,
    callIdentifier, destExtraCallInfo, remoteExtensionAddress, tokens, cryptoTokens, conferences, h245Address TransportAddress,
    fastStart FastStart, multipleCalls, maintainConnection, fastConnectRefused, serviceControl, circuitInfo, featureSet, destinationInfo,
    h245SecurityMode }
Progress ::= SEQUENCE { protocolIdentifier OID, destinationInfo EndpointType, h245Address TransportAddress?,
    callIdentifier SEQUENCE { guid OCTETS(16), ... }, h245SecurityMode H245Security?, tokens LIST ClearToken?,
    cryptoTokens LIST CryptoH323Token?, fastStart FastStart?, ..., multipleCalls, maintainConnection, fastConnectRefused }
Call ::= SEQUENCE {
    pdu SEQUENCE {
        body CHOICE { setup Setup, callProceeding CallProceeding, connect Connect, alerting Alerting, information Information,
            releaseComplete ReleaseComplete, facility Facility, ..., progress Progress, empty, status, statusInquiry, setupAcknowledge,
            notify },
        nonStandardData NonStandard?, ..., h4501SupplementaryService, h245Tunneling, h245Control LIST OPEN Control (0..4), | },
    | user-data?, ... }
"""

#: H.225.0: registration, admission and status.
_RAS = """
Ras ::= CHOICE {
    gatekeeperRequest SEQUENCE { number INTEGER(1..65535), protocolIdentifier OID, nonStandardData NonStandard?,
        rasAddress TransportAddress, | endpointType, gatekeeperIdentifier?, callServices?, endpointAlias?, ... },
    gatekeeperConfirm SEQUENCE { number INTEGER(1..65535), protocolIdentifier OID, nonStandardData NonStandard?,
        gatekeeperIdentifier BMP(1..128)?, rasAddress TransportAddress, ..., | },
    gatekeeperReject,
    registrationRequest SEQUENCE { number INTEGER(1..65535), protocolIdentifier OID, nonStandardData NonStandard?,
        discoveryComplete BOOLEAN, callSignalAddress LIST TransportAddress (0..10), rasAddress LIST TransportAddress (0..10),
        terminalType EndpointType, terminalAlias LIST Alias?, gatekeeperIdentifier BMP(1..128)?, endpointVendor Vendor, ...,
        alternateEndpoints, timeToLive SECONDS(1..4294967295), | },
    registrationConfirm SEQUENCE { number INTEGER(1..65535), protocolIdentifier OID, nonStandardData NonStandard?,
        callSignalAddress LIST TransportAddress (0..10), terminalAlias LIST Alias?, gatekeeperIdentifier BMP(1..128)?,
        endpointIdentifier BMP(1..128), ..., alternateGatekeeper, timeToLive SECONDS(1..4294967295), | },
    registrationReject,
    unregistrationRequest SEQUENCE { number INTEGER(1..65535), callSignalAddress LIST TransportAddress (0..10), | endpointAlias?,
        nonStandardData?, endpointIdentifier?, ... },
    unregistrationConfirm, unregistrationReject,
    admissionRequest SEQUENCE { number INTEGER(1..65535), callType CallType, callModel CallModel?, endpointIdentifier BMP(1..128),
        destinationInfo LIST Alias?, destCallSignalAddress TransportAddress?, destExtraCallInfo LIST Alias?, srcInfo LIST Alias,
        srcCallSignalAddress TransportAddress?, | bandWidth, callReferenceValue, nonStandardData?, callServices?, ... },
    admissionConfirm SEQUENCE { number INTEGER(1..65535), bandWidth INTEGER(0..4294967295), callModel CallModel,
        destCallSignalAddress TransportAddress, | irrFrequency?, nonStandardData?, ... },
    admissionReject, bandwidthRequest, bandwidthConfirm, bandwidthReject, disengageRequest, disengageConfirm, disengageReject,
    locationRequest SEQUENCE { number INTEGER(1..65535), endpointIdentifier BMP(1..128)?, destinationInfo LIST Alias,
        nonStandardData NonStandard?, replyAddress TransportAddress, ..., | },
    locationConfirm SEQUENCE { number INTEGER(1..65535), callSignalAddress TransportAddress, rasAddress TransportAddress,
        | nonStandardData?, ... },
    locationReject, infoRequest,
    infoRequestResponse SEQUENCE { nonStandardData NonStandard?, number INTEGER(1..65535), endpointType EndpointType,
        endpointIdentifier BMP(1..128), rasAddress TransportAddress, callSignalAddress LIST TransportAddress (0..10), | endpointAlias?,
        perCallInfo?, ... },
    nonStandardMessage, ..., | unknownMessageResponse, requestInProgress, resourcesAvailableIndicate, resourcesAvailableConfirm,
    infoRequestAck, infoRequestNak, serviceControlIndication, serviceControlResponse }
"""


class Messages(NamedTuple):
    """The three things that are said."""

    #: What a Q.931 message holds of H.323 (H.225.0, H323-UserInformation).
    call: Node
    #: A message of H.245.
    control: Node
    #: A message of RAS.
    ras: Node


@cache
def messages() -> Messages:
    """The syntax of each, made when the first is read: it takes longer than a run without H.323 has to spare."""
    types = syntax(_COMMON + _CHANNELS + _CALL + _RAS)
    return Messages(types["Call"], types["Control"], types["Ras"])
