"""Make a box that opens under the keys of two tenants, as far as the cipher goes.

Reads lines "name value" as open_secret.py does, with wrapped, scope and
version twice (wrapped1, wrapped2, ...), and prints the box in base64, with the
commitment of the first.  Poly1305 is linear in the blocks of the message, so
two blocks can be chosen such that the tag is right under either key.
"""

import base64
import hashlib
import struct
import sys

from open_secret import (chacha20_block, counted, hchacha20, open_box,
                         xchacha20_poly1305_open)

P = (1 << 130) - 5


def derived_keys(given, root, n):
    scope = bytes.fromhex(given['scope' + n].replace('-', ''))
    version = struct.pack('>I', int(given['version' + n]))
    check = hashlib.blake2b(b'tenant_mgr key check', digest_size=16, key=root).digest()
    data_key = open_box(root,
                        counted(b'tenant_mgr data key', scope, version,
                                struct.pack('>I', int(given['root_version'])), check),
                        bytes.fromhex(given['wrapped' + n]), b'')
    use = counted(b'tenant_mgr secret', scope, version, b'')
    keys = hashlib.blake2b(counted(b'tenant_mgr keys', b'\x01', use),
                           digest_size=64, key=data_key).digest()
    return keys[:32], keys[32:]


def authenticator(key, nonce):
    block = chacha20_block(hchacha20(key, nonce[:16]), 0, bytes(4) + nonce[16:])
    r = int.from_bytes(block[:16], 'little') & 0x0ffffffc0ffffffc0ffffffc0fffffff
    return r, int.from_bytes(block[16:32], 'little')


def collide(key1, key2, nonce):
    """Two blocks of ciphertext and a tag that is right under both keys."""
    (r1, s1), (r2, s2) = authenticator(key1, nonce), authenticator(key2, nonce)
    lengths = (1 << 128) + int.from_bytes(struct.pack('<QQ', 0, 32), 'little')
    for tag in range(100000):
        for carry1 in range(4):
            for carry2 in range(4):
                # a r^3 + b r^2 + lengths r = v, for both
                v1 = (tag - s1) % (1 << 128) + (carry1 << 128) - lengths * r1
                v2 = (tag - s2) % (1 << 128) + (carry2 << 128) - lengths * r2
                d = (r1 ** 3 * r2 ** 2 - r2 ** 3 * r1 ** 2) % P
                inverse = pow(d, P - 2, P)
                a = (v1 * r2 ** 2 - v2 * r1 ** 2) * inverse % P
                b = (r1 ** 3 * v2 - r2 ** 3 * v1) * inverse % P
                if a >> 128 == 1 and b >> 128 == 1:
                    low = (1 << 128) - 1
                    sealed = ((a & low).to_bytes(16, 'little') +
                              (b & low).to_bytes(16, 'little') +
                              tag.to_bytes(16, 'little'))
                    try:
                        xchacha20_poly1305_open(key1, nonce, sealed, b'')
                        xchacha20_poly1305_open(key2, nonce, sealed, b'')
                    except ValueError:
                        continue
                    return sealed
    raise ValueError('no collision')


def main():
    given = dict(line.rstrip('\n').split(' ', 1) for line in sys.stdin)
    root = bytes.fromhex(given['root'])
    (key1, commitment_key), (key2, _) = (derived_keys(given, root, n) for n in '12')
    nonce = bytes(range(24))
    sealed = collide(key1, key2, nonce)
    commitment = hashlib.blake2b(commitment_key + nonce + sealed[-16:],
                                 digest_size=32).digest()
    print(base64.b64encode(nonce + commitment + sealed).decode())


main()
