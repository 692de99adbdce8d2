import Base
import Testing

@Suite struct `Seeded random numbers` {
    @Test func `Philox4x32-10 gives the known answers of Random123`() {
        let zero = SeededRandom.philox((0, 0, 0, 0), key: (0, 0))
        #expect(zero == (0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
        let ones = SeededRandom.philox((.max, .max, .max, .max), key: (.max, .max))
        #expect(ones == (0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
        let pi = SeededRandom.philox(
            (0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344), key: (0xa409_3822, 0x299f_31d0))
        #expect(pi == (0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
    }

    @Test func `seed, purpose and position each make another stream`() {
        func first(_ seed: UInt64, _ purpose: String, _ position: UInt64) -> [UInt64] {
            var random = SeededRandom(seed: seed, purpose: purpose, position: position)
            return (0..<5).map { _ in random.next() }
        }
        let base = first(1, "shuffle", 0)
        #expect(base == first(1, "shuffle", 0))
        for other in [first(2, "shuffle", 0), first(1, "dropout", 0), first(1, "shuffle", 1)] { #expect(other != base) }
        #expect(Set(base).count == 5)
    }

    @Test(arguments: [1, 2, 3, 7, 10, 1000]) func `below is even`(_ bound: Int) {
        var random = SeededRandom(seed: 3, purpose: "below")
        let draws = 20_000
        var counts = [Int](repeating: 0, count: bound)
        for _ in 0..<draws { counts[random.below(bound)] += 1 }
        let expected = Double(draws) / Double(bound)
        let chiSquare = counts.reduce(0.0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
        // Mean bound - 1, standard deviation sqrt(2 (bound - 1)): five of them.
        let freedom = Double(bound - 1)
        #expect(chiSquare <= freedom + 5 * (2 * freedom).squareRoot() + 1e-9)
    }

    @Test func `below takes the largest bound`() {
        var random = SeededRandom(seed: 4, purpose: "below")
        let values = (0..<100).map { _ in random.below(.max) }
        #expect(values.allSatisfy { $0 >= 0 } && values.contains { $0 > Int.max / 2 })
    }

    @Test func `uniform stays in its range with the right mean`() {
        var random = SeededRandom(seed: 5, purpose: "uniform")
        let values = (0..<50_000).map { _ in random.uniform() }
        #expect(values.allSatisfy { (0..<1).contains($0) })
        #expect(abs(values.reduce(0, +) / 50_000 - 0.5) < 0.01)
    }
}
