"""Open an envelope of tenant.secret without any of our code or libsodium.

Reads lines "name value" from standard input and prints the plain text.  The
cipher is written after RFC 8439 and draft-irtf-cfrg-xchacha-03, and is tried
on the example of the latter before it is used.
"""

import base64
import hashlib
import struct
import sys


def quarter_round(x, a, b, c, d):
    for first, second, third, count in ((a, b, d, 16), (c, d, b, 12),
                                        (a, b, d, 8), (c, d, b, 7)):
        x[first] = (x[first] + x[second]) & 0xffffffff
        y = x[third] ^ x[first]
        x[third] = ((y << count) | (y >> (32 - count))) & 0xffffffff


def rounds(state):
    x = list(state)
    for _ in range(10):
        for column in range(4):
            quarter_round(x, column, column + 4, column + 8, column + 12)
        for column in range(4):
            quarter_round(x, column, (column + 1) % 4 + 4,
                          (column + 2) % 4 + 8, (column + 3) % 4 + 12)
    return x


CONSTANTS = struct.unpack('<4I', b'expand 32-byte k')


def chacha20_block(key, counter, nonce):
    state = CONSTANTS + struct.unpack('<8I', key) + (counter,) + struct.unpack('<3I', nonce)
    mixed = rounds(state)
    return struct.pack('<16I', *((a + b) & 0xffffffff for a, b in zip(mixed, state)))


def hchacha20(key, nonce):
    mixed = rounds(CONSTANTS + struct.unpack('<8I', key) + struct.unpack('<4I', nonce))
    return struct.pack('<8I', *(mixed[0:4] + mixed[12:16]))


def poly1305(key, message):
    r = int.from_bytes(key[:16], 'little') & 0x0ffffffc0ffffffc0ffffffc0fffffff
    s = int.from_bytes(key[16:], 'little')
    total = 0
    for i in range(0, len(message), 16):
        block = message[i:i + 16] + b'\x01'
        total = (total + int.from_bytes(block, 'little')) * r % ((1 << 130) - 5)
    return ((total + s) & ((1 << 128) - 1)).to_bytes(16, 'little')


def pad(data):
    return data + bytes(-len(data) % 16)


def xchacha20_poly1305_open(key, nonce, sealed, ad):
    subkey = hchacha20(key, nonce[:16])
    nonce = bytes(4) + nonce[16:]
    text, tag = sealed[:-16], sealed[-16:]
    expected = poly1305(chacha20_block(subkey, 0, nonce)[:32],
                        pad(ad) + pad(text) + struct.pack('<QQ', len(ad), len(text)))
    if expected != tag:
        raise ValueError('wrong tag')
    plain = b''
    for i in range(0, len(text), 64):
        stream = chacha20_block(subkey, 1 + i // 64, nonce)
        plain += bytes(a ^ b for a, b in zip(text[i:i + 64], stream))
    return plain


def try_published_example():
    plain = xchacha20_poly1305_open(
        bytes(range(0x80, 0xa0)), bytes(range(0x40, 0x58)),
        bytes.fromhex(
            'bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb'
            '731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452'
            '2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9'
            '21f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780a'
            'cf49'),
        bytes.fromhex('50515253c0c1c2c3c4c5c6c7'))
    if not plain.startswith(b"Ladies and Gentlemen of the class of '99"):
        raise ValueError('the published example fails')


def counted(*parts):
    return b''.join(struct.pack('>Q', len(part)) + part for part in parts)


def open_box(key, use, box, aad):
    nonce, commitment, sealed = box[:24], box[24:56], box[56:]
    derived = hashlib.blake2b(counted(b'tenant_mgr keys', b'\x01', use),
                              digest_size=64, key=key).digest()
    expected = hashlib.blake2b(derived[32:] + nonce + sealed[-16:] + aad,
                               digest_size=32).digest()
    if expected != commitment:
        raise ValueError('wrong commitment')
    return xchacha20_poly1305_open(derived[:32], nonce, sealed, aad)


def main():
    try_published_example()
    given = dict(line.rstrip('\n').split(' ', 1) for line in sys.stdin)
    root = bytes.fromhex(given['root'])
    scope = bytes.fromhex(given['scope'].replace('-', ''))
    version = struct.pack('>I', int(given['version']))
    check = hashlib.blake2b(b'tenant_mgr key check', digest_size=16, key=root).digest()
    data_key = open_box(root,
                        counted(b'tenant_mgr data key', scope, version,
                                struct.pack('>I', int(given['root_version'])), check),
                        bytes.fromhex(given['wrapped']), b'')
    box = base64.b64decode(given['envelope'].split(':')[4], validate=True)
    plain = open_box(data_key,
                     counted(b'tenant_mgr secret', scope, version,
                             given['context'].encode()),
                     box, given['aad'].encode())
    print(plain.decode())


if __name__ == '__main__':
    main()
