// From where a request came, as one word that forging headers, IPv6's many addresses and dual-stack sockets do not change.
// Knows neither keys nor limits.
import type { IncomingMessage } from 'node:http';
import ipaddr from 'ipaddr.js';

type Address = ReturnType<typeof ipaddr.parse>;
type Network = readonly [Address, number];

/** Proxies in front of proxies; who names more is making them up. */
const MAX_HOPS = 16;
/** What one subscriber has of IPv6. */
const SUBSCRIBER_BITS = 64;
const WITH_PORT = /^(?:\[([^\]]+)\](?::\d+)?|(\d+(?:\.\d+){3}):\d+)$/;

/** The client's address: IPv4 as it is, IPv6 as its /64, `unknown` for a socket that has none. */
export type ClientAddress = (req: Pick<IncomingMessage, 'headers' | 'socket'>) => string;

/**
 * X-Forwarded-For is read from its right end, where our own proxies write, and only as far as those are `trusted`
 * (addresses or networks): the first that is not is the client.
 */
export function createClientAddress(trusted: readonly string[]): ClientAddress {
  const networks = trusted.map(toNetwork);
  const isTrusted = (address: Address): boolean => networks.some(network => isInside(address, network));
  return ({ headers, socket }) => {
    let client = toAddress(socket.remoteAddress ?? '');
    if (client === null) return 'unknown';
    // Node has joined a header that was sent several times.
    const hops = String(headers['x-forwarded-for'] ?? '').split(',');
    for (let hop = 0; hop < MAX_HOPS && isTrusted(client); hop++) {
      const next = toAddress(hops.pop() ?? '');
      if (next === null) break;
      client = next;
    }
    return toWord(client);
  };
}

function toNetwork(text: string): Network {
  if (!text.includes('/')) {
    const address = ipaddr.process(text);
    return [address, address.kind() === 'ipv4' ? 32 : 128];
  }
  const [address, bits] = ipaddr.parseCIDR(text);
  const isMapped = address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() && bits >= 96;
  return isMapped ? [address.toIPv4Address(), bits - 96] : [address, bits];
}

function isInside(address: Address, [network, bits]: Network): boolean {
  return address.kind() === network.kind() && address.match(network, bits);
}

/** Null for what is no address; a port behind it, as some proxies write, is left out. */
function toAddress(text: string): Address | null {
  const trimmed = text.trim();
  const [, v6, v4] = WITH_PORT.exec(trimmed) ?? [];
  const [bare = ''] = (v6 ?? v4 ?? trimmed).split('%');
  // Of IPv4 only the usual form: ipaddr.js would take 0x7f.1 and 127, too.
  const isAddress = bare.includes(':') ? ipaddr.IPv6.isValid(bare) : ipaddr.IPv4.isValidFourPartDecimal(bare);
  return isAddress ? ipaddr.process(bare) : null;
}

function toWord(address: Address): string {
  if (address instanceof ipaddr.IPv4 || address.range() === 'loopback') return address.toString();
  const bytes = address.toByteArray().fill(0, SUBSCRIBER_BITS / 8);
  return `${ipaddr.fromByteArray(bytes).toString()}/${SUBSCRIBER_BITS}`;
}
