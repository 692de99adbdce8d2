import Base
import Testing

@Suite struct `Identifiers and hashes` {
    @Test func `hex goes both ways and takes lower case only`() {
        #expect(Hex.encode([0, 0x7f, 0xff]) == "007fff")
        #expect(Hex.decode("007fff") == [0, 0x7f, 0xff])
        #expect(Hex.decode("") == [])
        for text in ["0", "0g", "AB", " 1", "+1"] { #expect(Hex.decode(text) == nil) }
    }

    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ]) func `SHA-256 gives the vectors of FIPS 180-4`(_ vector: (String, String)) {
        #expect(ObjectID.of(vector.0).hex == vector.1)
    }

    @Test func `a million letters hash the same in pieces of any length`() {
        let expected = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        for step in [1000, 999_983, 64] {
            var hasher = SHA256Hasher()
            var left = 1_000_000
            while left > 0 {
                hasher.update([UInt8](repeating: 0x61, count: min(step, left)))
                left -= min(step, left)
            }
            #expect(hasher.finish().hex == expected)
        }
    }

    @Test func `a hasher goes on after a result`() {
        var hasher = SHA256Hasher()
        hasher.update("a")
        #expect(hasher.finish() == ObjectID.of("a"))
        hasher.update("bc")
        #expect(hasher.finish() == ObjectID.of("abc"))
    }

    @Test func `SHA-1 gives the vector of FIPS 180-4`() {
        let digest = Array("abc".utf8).withUnsafeBytes { SHA1.digest($0) }
        #expect(Hex.encode(digest) == "a9993e364706816aba3e25717850c26c9cd0d89d")
    }

    @Test func `ids sort as their bytes do`() throws {
        var random = SeededRandom(seed: 1, purpose: "ids")
        let all = (0..<300).map { _ in (0..<32).map { _ in UInt8(random.below(3) * 127) } }
        let ids = try all.map { try #require(ObjectID(bytes: $0)) }
        #expect(ids.sorted().map(\.bytes) == all.sorted { $0.lexicographicallyPrecedes($1) })
        for (id, bytes) in zip(ids, all) {
            #expect(id.bytes == bytes && ObjectID(hex: id.hex) == id && id.firstByte == Int(bytes[0]))
        }
        #expect(ObjectID(bytes: [1, 2]) == nil && ObjectID(hex: "ab") == nil)
        #expect(ObjectID.of("abc").short == "ba7816bf8f01")
        #expect(ObjectID.zero.hex.allSatisfy { $0 == "0" })
    }

    @Test func `timestamps are UTC`() {
        #expect(Timestamp(seconds: 0).description == "1970-01-01T00:00:00Z")
        #expect(Timestamp(seconds: 951_782_399).description == "2000-02-28T23:59:59Z")
        #expect(Timestamp(seconds: 951_782_400).description == "2000-02-29T00:00:00Z")
        #expect(Timestamp(seconds: 1) < Timestamp(seconds: 2))
        let before = monotonicSeconds()
        #expect(monotonicSeconds() >= before)
    }
}
