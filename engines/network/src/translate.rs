//! IPv6 packets as IPv4 ones and back, for NAT64: what a NAT gateway does with packets to 64:ff9b::/96 (RFC 6146 and
//! RFC 7915, of which this is the part that clients behind a gateway need).
//!
//! Each IPv6 address is given an IPv4 address to stand for it, out of a range that is nobody's; from there on the
//! gateway's own translation of IPv4 does the rest. TCP, UDP and echo pass, and the errors about them; fragments do
//! not.

use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};
use twox_hash::XxHash64;

use crate::limits::TRANSLATED_HOSTS_MAX;

/// The well-known prefix: its last four bytes are an IPv4 address (RFC 6052).
pub const PREFIX: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);
/// Whose addresses stand for IPv6 ones. The class is reserved (RFC 1112): no VPC can have it.
pub const STAND_INS: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(240, 0, 0, 0), 5);

const HEADER6_BYTES: usize = 40;
const HEADER4_BYTES: usize = 20;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP: u8 = 1;
const ICMP6: u8 = 58;
const DO_NOT_FRAGMENT: u16 = 0x4000;
/// Offset and "more fragments" of an IPv4 header.
const FRAGMENT: u16 = 0x3fff;
/// What IPv6 may always send: larger packets are not cut on their way (RFC 7915, 5.1).
const SENT_WHOLE_BYTES: usize = 1260;

/// Which IPv4 addresses stand for which IPv6 ones.
#[derive(Debug, Default)]
pub struct Translator {
    stand_ins: HashMap<Ipv6Addr, Ipv4Addr>,
    hosts: HashMap<Ipv4Addr, Ipv6Addr>,
    identification: u16,
}

impl Translator {
    /// The packet of the other family; nothing for what is not translated.
    pub fn translate(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        match packet.first()? >> 4 {
            6 => self.outward(packet),
            4 => self.homeward(packet),
            _ => None,
        }
    }

    /// Derived from the address, so that it is mostly the same after a restart; the next one where that is taken.
    fn stand_in(&mut self, host: Ipv6Addr) -> Ipv4Addr {
        if let Some(known) = self.stand_ins.get(&host) {
            return *known;
        }
        if self.hosts.len() >= TRANSLATED_HOSTS_MAX {
            // Whoever still sends is known again with its next packet.
            self.hosts.clear();
            self.stand_ins.clear();
        }
        let (base, mask) = (STAND_INS.network().to_bits(), STAND_INS.hostmask().to_bits());
        let first = XxHash64::oneshot(0, &host.octets()) as u32;
        let mut candidates = (0..=mask).map(|step| Ipv4Addr::from(base | (first.wrapping_add(step) & mask)));
        let free = candidates.find(|candidate| !self.hosts.contains_key(candidate));
        let chosen = free.expect("fewer hosts are kept than there are addresses");
        self.stand_ins.insert(host, chosen);
        self.hosts.insert(chosen, host);
        chosen
    }

    /// From IPv6 to IPv4.
    fn outward(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let header = packet.get(..HEADER6_BYTES)?;
        let (source, destination) = (address6(&header[8..24])?, address6(&header[24..40])?);
        let length = usize::from(word(header, 4)?);
        let mut payload = packet.get(HEADER6_BYTES..HEADER6_BYTES + length)?.to_vec();
        if !PREFIX.contains(&destination) {
            return None;
        }
        let from = self.stand_in(source);
        let to = embedded(destination);
        let protocol = match header[6] {
            protocol @ (TCP | UDP) => {
                let (before, after) = (sum6(source, destination), sum4(from, to));
                adjust(&mut payload, protocol, before, after)?;
                protocol
            }
            ICMP6 => {
                echo(&mut payload, [(128, 8), (129, 0)])?;
                set_checksum(&mut payload, 0)?;
                ICMP
            }
            _ => return None,
        };
        let class = (header[0] << 4) | (header[1] >> 4);
        self.identification = self.identification.wrapping_add(1);
        let head = header4(class, payload.len(), self.identification, header[7], protocol, from, to)?;
        Some([&head[..], &payload].concat())
    }

    /// From IPv4 to IPv6.
    fn homeward(&self, packet: &[u8]) -> Option<Vec<u8>> {
        let (head, payload) = split4(packet)?;
        let (from, to) = (address4(&head[12..16])?, address4(&head[16..20])?);
        let (source, host) = (within_prefix(from), *self.hosts.get(&to)?);
        if word(head, 6)? & FRAGMENT != 0 {
            return None;
        }
        let total = usize::from(word(head, 2)?);
        let mut payload = payload.get(..total.checked_sub(head.len())?)?.to_vec();
        let next = match head[9] {
            protocol @ (TCP | UDP) => {
                if protocol == UDP && word(&payload, 6)? == 0 {
                    // IPv4 may do without a checksum, IPv6 may not.
                    let pseudo = sum6(source, host) + u32::from(UDP) + payload.len() as u32;
                    let whole = match fold(pseudo + sum(&payload)) {
                        0xffff => 0xffff,
                        folded => !folded,
                    };
                    payload[6..8].copy_from_slice(&whole.to_be_bytes());
                } else {
                    adjust(&mut payload, protocol, sum4(from, to), sum6(source, host))?;
                }
                protocol
            }
            ICMP => {
                payload = match payload.first()? {
                    0 | 8 => {
                        echo(&mut payload, [(8, 128), (0, 129)])?;
                        payload
                    }
                    _ => self.complaint(&payload)?,
                };
                let pseudo = sum6(source, host) + u32::from(ICMP6) + payload.len() as u32;
                set_checksum(&mut payload, pseudo)?;
                ICMP6
            }
            _ => return None,
        };
        let head = header6(head[1], payload.len(), next, head[8], source, host)?;
        Some([&head[..], &payload].concat())
    }

    /// An error about a packet that was sent, which is quoted in it.
    fn complaint(&self, payload: &[u8]) -> Option<Vec<u8>> {
        let (kind, code) = (*payload.first()?, *payload.get(1)?);
        let (kind, code, value) = match (kind, code) {
            // Too big: IPv6's header is that much longer.
            (3, 4) => {
                let longer = (HEADER6_BYTES - HEADER4_BYTES) as u32;
                (2, 0, u32::from(word(payload, 6)?) + longer)
            }
            (3, 3) => (1, 4, 0),
            (3, 9 | 10 | 13) => (1, 1, 0),
            (3, _) => (1, 0, 0),
            (11, code) => (3, code, 0),
            _ => return None,
        };
        let (head, quoted) = split4(payload.get(8..)?)?;
        let (from, to) = (address4(&head[12..16])?, address4(&head[16..20])?);
        let (host, far) = (*self.hosts.get(&from)?, within_prefix(to));
        let mut quoted = quoted.to_vec();
        let next = match head[9] {
            protocol @ (TCP | UDP) => {
                // What is cut off has no checksum to correct.
                adjust(&mut quoted, protocol, sum4(from, to), sum6(host, far));
                protocol
            }
            ICMP => {
                echo(&mut quoted, [(8, 128), (0, 129)])?;
                ICMP6
            }
            _ => return None,
        };
        let length = usize::from(word(head, 2)?).checked_sub(head.len())?;
        let inner = header6(head[1], length, next, head[8], host, far)?;
        let value = value.to_be_bytes();
        Some([&[kind, code, 0, 0], &value[..], &inner[..], &quoted].concat())
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn address4(bytes: &[u8]) -> Option<Ipv4Addr> {
    <[u8; 4]>::try_from(bytes).ok().map(Ipv4Addr::from)
}

fn address6(bytes: &[u8]) -> Option<Ipv6Addr> {
    <[u8; 16]>::try_from(bytes).ok().map(Ipv6Addr::from)
}

/// The IPv4 address at an IPv6 address's end.
fn embedded(address: Ipv6Addr) -> Ipv4Addr {
    Ipv4Addr::from(address.to_bits() as u32)
}

/// The IPv6 address by which IPv6 hosts know an IPv4 one.
pub fn within_prefix(address: Ipv4Addr) -> Ipv6Addr {
    Ipv6Addr::from(PREFIX.network().to_bits() | u128::from(address.to_bits()))
}

fn split4(packet: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = usize::from(packet.first()? & 0xf) * 4;
    (length >= HEADER4_BYTES).then(|| packet.split_at_checked(length)).flatten()
}

fn header4(
    class: u8,
    length: usize,
    identification: u16,
    hops: u8,
    protocol: u8,
    from: Ipv4Addr,
    to: Ipv4Addr,
) -> Option<[u8; HEADER4_BYTES]> {
    let total = HEADER4_BYTES + length;
    let mut head = [0; HEADER4_BYTES];
    head[0] = 0x45;
    head[1] = class;
    head[2..4].copy_from_slice(&u16::try_from(total).ok()?.to_be_bytes());
    head[4..6].copy_from_slice(&identification.to_be_bytes());
    let flags = if total > SENT_WHOLE_BYTES { DO_NOT_FRAGMENT } else { 0 };
    head[6..8].copy_from_slice(&flags.to_be_bytes());
    head[8] = hops;
    head[9] = protocol;
    head[12..16].copy_from_slice(&from.octets());
    head[16..20].copy_from_slice(&to.octets());
    let checksum = !fold(sum(&head));
    head[10..12].copy_from_slice(&checksum.to_be_bytes());
    Some(head)
}

fn header6(
    class: u8,
    length: usize,
    next: u8,
    hops: u8,
    from: Ipv6Addr,
    to: Ipv6Addr,
) -> Option<[u8; HEADER6_BYTES]> {
    let mut head = [0; HEADER6_BYTES];
    head[0] = 0x60 | (class >> 4);
    head[1] = class << 4;
    head[4..6].copy_from_slice(&u16::try_from(length).ok()?.to_be_bytes());
    head[6] = next;
    head[7] = hops;
    head[8..24].copy_from_slice(&from.octets());
    head[24..40].copy_from_slice(&to.octets());
    Some(head)
}

/// Turns the type of an echo; nothing for other messages.
fn echo(payload: &mut [u8], kinds: [(u8, u8); 2]) -> Option<()> {
    let kind = payload.first_mut()?;
    *kind = kinds.into_iter().find(|(from, _)| from == kind)?.1;
    Some(())
}

/// The sum of 16-bit words; a body is shorter than 2¹⁶ bytes, so that it cannot overflow.
fn sum(bytes: &[u8]) -> u32 {
    let word = |pair: &[u8]| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0));
    bytes.chunks(2).map(word).sum()
}

fn sum4(from: Ipv4Addr, to: Ipv4Addr) -> u32 {
    sum(&from.octets()) + sum(&to.octets())
}

fn sum6(from: Ipv6Addr, to: Ipv6Addr) -> u32 {
    sum(&from.octets()) + sum(&to.octets())
}

fn fold(mut sum: u32) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// Corrects the checksum of TCP or UDP for other addresses: the rest of what it covers stays (RFC 1624).
fn adjust(payload: &mut [u8], protocol: u8, before: u32, after: u32) -> Option<()> {
    let at = if protocol == TCP { 16 } else { 6 };
    let old = word(payload, at)?;
    let new = !fold(u32::from(!old) + u32::from(!fold(before)) + u32::from(fold(after)));
    // No checksum at all is written like this one.
    let new = if new == 0 && protocol == UDP { 0xffff } else { new };
    payload[at..at + 2].copy_from_slice(&new.to_be_bytes());
    Some(())
}

/// The checksum of an ICMP message, beginning with the sum of what comes before; nothing for one that has no room for it.
fn set_checksum(payload: &mut [u8], before: u32) -> Option<()> {
    payload.get_mut(2..4)?.fill(0);
    let checksum = !fold(before + sum(payload));
    payload[2..4].copy_from_slice(&checksum.to_be_bytes());
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "2001:db8::5";

    /// What checksums have to come to, of TCP and UDP over IPv6 and IPv4.
    fn is_sound(packet: &[u8]) -> bool {
        let (pseudo, payload) = match packet[0] >> 4 {
            6 => (sum(&packet[8..40]) + u32::from(packet[6]), &packet[40..]),
            _ => {
                assert_eq!(fold(sum(&packet[..20])), 0xffff, "the header's own");
                let of_icmp = packet[9] == ICMP;
                let pseudo = sum(&packet[12..20]) + u32::from(packet[9]);
                (if of_icmp { 0 } else { pseudo }, &packet[20..])
            }
        };
        let length = if packet[0] >> 4 == 4 && packet[9] == ICMP { 0 } else { payload.len() as u32 };
        fold(pseudo + length + sum(payload)) == 0xffff
    }

    fn packet6(next: u8, payload: &[u8]) -> Vec<u8> {
        let (from, to) = (HOST.parse().unwrap(), within_prefix(Ipv4Addr::new(198, 18, 0, 9)));
        let mut payload = payload.to_vec();
        let pseudo = sum6(from, to) + u32::from(next) + payload.len() as u32;
        let at = match next {
            TCP => 16,
            UDP => 6,
            _ => 2,
        };
        payload[at..at + 2].fill(0);
        let checksum = !fold(pseudo + sum(&payload));
        payload[at..at + 2].copy_from_slice(&checksum.to_be_bytes());
        [&header6(3, payload.len(), next, 61, from, to).unwrap()[..], &payload].concat()
    }

    /// The answer to a translated packet: addresses the other way round.
    fn answered(packet: &[u8]) -> Vec<u8> {
        let mut answer = packet.to_vec();
        let (from, to) = (packet[12..16].to_vec(), packet[16..20].to_vec());
        answer[12..16].copy_from_slice(&to);
        answer[16..20].copy_from_slice(&from);
        answer
    }

    #[test]
    fn a_packet_goes_out_as_ipv4_and_its_answer_comes_home_as_ipv6() {
        let mut translator = Translator::default();
        for (next, size) in [(TCP, 20), (TCP, 1461), (UDP, 8), (UDP, 31)] {
            let payload: Vec<u8> = (0..size).map(|byte| (byte * 7) as u8).collect();
            let sent = packet6(next, &payload);
            assert!(is_sound(&sent));
            let out = translator.translate(&sent).unwrap();
            assert_eq!((out[0], out[1], out[8], out[9]), (0x45, 3, 61, next));
            assert_eq!(out[16..20], [198, 18, 0, 9]);
            assert!(STAND_INS.contains(&address4(&out[12..16]).unwrap()));
            assert!(is_sound(&out), "{next} {size}");
            assert_eq!(word(&out, 6).unwrap() == DO_NOT_FRAGMENT, size > 1240);
            let home = translator.translate(&answered(&out)).unwrap();
            assert_eq!(address6(&home[24..40]).unwrap(), HOST.parse::<Ipv6Addr>().unwrap());
            assert_eq!(address6(&home[8..24]).unwrap(), within_prefix(Ipv4Addr::new(198, 18, 0, 9)));
            assert!(is_sound(&home), "{next} {size}");
        }
    }

    #[test]
    fn echoes_change_their_type_and_a_datagram_without_a_checksum_gets_one() {
        let mut translator = Translator::default();
        let out = translator.translate(&packet6(ICMP6, &[128, 0, 0, 0, 0, 7, 0, 1, 9])).unwrap();
        assert_eq!((out[9], out[20], word(&out, 24)), (ICMP, 8, Some(7)));
        assert!(is_sound(&out));
        let mut answer = answered(&out);
        answer[20] = 0;
        let home = translator.translate(&answer).unwrap();
        assert_eq!((home[6], home[40]), (ICMP6, 129));
        assert!(is_sound(&home));

        let out = translator.translate(&packet6(UDP, &[0, 53, 0, 99, 0, 9, 0, 0, 1])).unwrap();
        let mut answer = answered(&out);
        answer[26..28].fill(0);
        assert!(is_sound(&translator.translate(&answer).unwrap()));
    }

    #[test]
    fn an_error_about_a_packet_quotes_it_as_it_was_sent() {
        let mut translator = Translator::default();
        let out = translator.translate(&packet6(UDP, &[0; 1300])).unwrap();
        let to = address4(&out[12..16]).unwrap();
        let message = [&[3, 4, 0, 0, 0, 0, 0x05, 0x78], &out[..28]].concat();
        let router = Ipv4Addr::new(10, 0, 0, 1);
        let head = header4(0, message.len(), 1, 64, ICMP, router, to).unwrap();
        let home = translator.translate(&[&head[..], &message].concat()).unwrap();
        assert_eq!((home[6], home[40], home[41]), (ICMP6, 2, 0));
        assert_eq!(u32::from_be_bytes(home[44..48].try_into().unwrap()), 1400 + 20);
        let quoted = &home[48..];
        assert_eq!(address6(&quoted[8..24]).unwrap(), HOST.parse::<Ipv6Addr>().unwrap());
        assert_eq!(word(quoted, 4), Some(1300));
        assert!(is_sound(&home));
    }

    #[test]
    fn packets_that_are_cut_anywhere_are_dropped() {
        let mut translator = Translator::default();
        let sent = [(TCP, vec![0; 20]), (UDP, vec![0; 8]), (ICMP6, vec![128, 0, 0, 0, 0, 7, 0, 1])];
        for (next, payload) in sent {
            let whole = packet6(next, &payload);
            let out = translator.translate(&whole).unwrap();
            for length in 0..payload.len() {
                let mut cut = whole[..HEADER6_BYTES + length].to_vec();
                cut[4..6].copy_from_slice(&(length as u16).to_be_bytes());
                let sent = translator.translate(&cut);
                assert!(sent.is_none_or(|sent| sent.len() == HEADER4_BYTES + length), "{next} {length}");
                let mut answer = answered(&out)[..HEADER4_BYTES + length].to_vec();
                answer[2..4].copy_from_slice(&((HEADER4_BYTES + length) as u16).to_be_bytes());
                for kind in [0, 3, 8, 11] {
                    if next == ICMP6 && length > 0 {
                        answer[HEADER4_BYTES] = kind;
                    }
                    let home = translator.translate(&answer);
                    assert!(home.is_none_or(|home| home.len() >= HEADER6_BYTES + length), "{next} {length}");
                }
            }
        }
    }

    #[test]
    fn what_is_not_to_be_translated_is_not() {
        let mut translator = Translator::default();
        let elsewhere = {
            let mut packet = packet6(UDP, &[0; 8]);
            packet[24] = 0x20;
            packet
        };
        let out = translator.translate(&packet6(UDP, &[0; 8])).unwrap();
        let stranger = {
            let mut packet = answered(&out);
            packet[19] ^= 1;
            packet
        };
        let fragment = {
            let mut packet = answered(&out);
            packet[6] = 0x20;
            packet
        };
        let cut = packet6(UDP, &[0; 8])[..44].to_vec();
        let discovery = packet6(ICMP6, &[135, 0, 0, 0, 0, 0, 0, 0]);
        let other = packet6(132, &[0; 16]);
        for packet in
            [elsewhere, stranger, fragment, cut, discovery, other, Vec::new(), vec![0x45], vec![0x60; 39]]
        {
            assert_eq!(translator.translate(&packet), None, "{packet:?}");
        }
    }
}
