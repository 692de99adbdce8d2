import Base
import ObjectStore
import Testing

@Suite struct `Chunking` {
    @Test func `the gear table is derived as documented`() {
        // From another implementation of SHA-256.
        #expect(GearTable.entry(0) == 0xbe1e_b333_b326_4ed0)
        #expect(GearTable.entry(255) == 0x46f6_3670_c7f8_7828)
    }

    @Test(arguments: 0..<12) func `the fast chunker cuts where the reference cuts`(_ seed: Int) {
        let chunker = Chunker(minimum: 64 + seed * 16, target: 512, maximum: 2048)
        var random = SeededRandom(seed: UInt64(seed), purpose: "lengths")
        for round in 0..<20 {
            var bytes = randomBytes(random.below(20_000), seed: UInt64(seed), position: UInt64(round))
            // Runs of one value never meet the mask, or always do.
            if round % 3 == 0 { for index in bytes.indices where index % 4096 < 2500 { bytes[index] = UInt8(round) } }
            #expect(chunker.lengths(of: bytes) == chunker.referenceLengths(of: bytes))
        }
    }

    @Test func `the standard limits hold and the mean is near the target`() {
        let bytes = randomBytes(16 << 20, seed: 1)
        let lengths = Chunker.standard.lengths(of: bytes)
        #expect(lengths.reduce(0, +) == bytes.count)
        #expect(lengths.dropLast().allSatisfy { (16 << 10...256 << 10).contains($0) })
        let mean = bytes.count / lengths.count
        #expect((56 << 10...90 << 10).contains(mean), "mean \(mean)")
    }

    @Test func `an insertion changes few chunks`() {
        let bytes = randomBytes(8 << 20, seed: 2)
        var changed = bytes
        changed.insert(contentsOf: [1, 2, 3], at: 3_000_000)
        func ids(_ bytes: [UInt8]) -> Set<ObjectID> {
            var start = 0
            return Set(
                Chunker.standard.lengths(of: bytes).map { length in
                    defer { start += length }
                    return ObjectID.of(Array(bytes[start..<start + length]))
                })
        }
        #expect(ids(changed).subtracting(ids(bytes)).count <= 3)
    }

    @Test func `content of one value is cut at the maximum`() {
        #expect(Chunker.standard.lengths(of: [UInt8](repeating: 0, count: 600_000)) == [262_144, 262_144, 75_712])
        #expect(Chunker.standard.lengths(of: []) == [])
        #expect(Chunker.standard.lengths(of: [1]) == [1])
    }
}
