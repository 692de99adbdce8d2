"""Reads a file back from a folder remote by Documentation/formats/remote.md and store.md alone, without our code.

usage: read_remote.py FOLDER SHA256-OF-THE-FILE > FILE
"""
import ctypes, hashlib, os, struct, sys
ZSTD = ctypes.CDLL("libzstd.so.1")
ZSTD.ZSTD_decompress.restype = ctypes.c_size_t
FOLDER, OID = sys.argv[1] + "/packs/", bytes.fromhex(sys.argv[2])

def indexes():
    for name in sorted(os.listdir(FOLDER)):
        if name.endswith(".idx"):
            data = open(FOLDER + name, "rb").read()
            assert data[:8] == b"MLDI\1\0\0\0" and hashlib.sha256(data[:-32]).digest() == data[-32:], name
            yield name[:-4], data

INDEXES = dict(indexes())

def locate(oid):
    for name, idx in INDEXES.items():
        for i in range(struct.unpack_from("<I", idx, 8)[0]):
            entry = idx[1036 + 52 * i : 1088 + 52 * i]
            if entry[:32] == oid:
                return name, entry[32], entry[33], *struct.unpack_from("<QII", entry, 36)
    sys.exit(f"object {oid.hex()} is in no pack")

def read(oid, out):
    name, kind, codec, offset, stored, raw = locate(oid)
    with open(FOLDER + name + ".pack", "rb") as pack:
        assert pack.read(8) == b"MLDP\1\0\0\0", name
        pack.seek(offset)
        header, data = pack.read(48), pack.read(stored)
    assert header == b"MLDR" + bytes([kind, codec, 0, 0]) + struct.pack("<II", stored, raw) + oid
    if codec == 1:
        buffer = ctypes.create_string_buffer(raw)
        assert ZSTD.ZSTD_decompress(buffer, ctypes.c_size_t(raw), data, ctypes.c_size_t(stored)) == raw
        data = buffer.raw
    if kind == 1:
        assert hashlib.sha256(data).digest() == oid
        return out.append(data)
    assert hashlib.sha256(data[:-32]).digest() == data[-32:] and data[8:40] == oid
    for i in range(struct.unpack_from("<I", data, 48)[0]):
        read(data[52 + 36 * i :][:32], out)

parts = []
read(OID, parts)
assert hashlib.sha256(b"".join(parts)).digest() == OID
sys.stdout.buffer.write(b"".join(parts))
