import Base
import Serving
import Testing

/// Cortex's rules, each as a property over many loads of a clock that the test turns.
@Suite struct AutoscalerTests {
    private func random(_ count: Int, _ body: (inout SeededGenerator) -> Void) {
        var generator = SeededGenerator(seed: 8)
        for _ in 0..<count { body(&generator) }
    }

    /// xorshift64*: the same draws in every run.
    struct SeededGenerator: RandomNumberGenerator {
        var state: UInt64
        init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }
        mutating func next() -> UInt64 {
            state ^= state >> 12
            state ^= state << 25
            state ^= state >> 27
            return state &* 0x2545_F491_4F6C_DD1D
        }
    }

    /// Old enough that stabilization holds nothing back.
    private func settled(_ change: (inout Autoscaler.Parameters) -> Void = { _ in }) -> Autoscaler {
        var parameters = Autoscaler.Parameters()
        change(&parameters)
        return Autoscaler(parameters, now: 0)
    }

    @Test func `1: all samples by the largest count of one replica`() {
        #expect(Autoscaler.inFlight([]) == nil && Autoscaler.inFlight([[]]) == nil)
        #expect(Autoscaler.inFlight([[2, 4]]) == 3)
        // One that has just begun counts with what it has.
        #expect(Autoscaler.inFlight([[2, 2, 2, 2], [4]]) == 3)
        #expect(Autoscaler.inFlight([[1, 1], [3, 3]]) == 4)
    }

    @Test func `2: as many replicas as reach the target, rounded up`() {
        for (inFlight, target, expected) in [(10.0, 1.0, 10), (10.6, 1, 11), (10, 3, 4), (20, 2, 10)] {
            var autoscaler = settled { $0.targetInFlight = target }
            // From near by, so that neither steps nor tolerance show.
            #expect(autoscaler.decide(now: 1000, current: expected - 1, inFlight: inFlight) == expected)
        }
    }

    @Test func `3: within the tolerance nothing changes, by the ratio and not by the rounded number`() {
        random(300) { generator in
            let current = Int.random(in: 1...80, using: &generator)
            let inFlight = Double(current) * Double.random(in: 0.9501...1.0499, using: &generator)
            var autoscaler = settled()
            #expect(autoscaler.decide(now: 1000, current: current, inFlight: inFlight) == current)
        }
        var autoscaler = settled()
        #expect(autoscaler.decide(now: 1000, current: 100, inFlight: 94.9) == 95)
        #expect(autoscaler.decide(now: 2000, current: 90, inFlight: 94.6) == 95)
    }

    @Test func `4: no step beyond the factors, and one replica always`() {
        random(300) { generator in
            let current = Int.random(in: 1...60, using: &generator)
            let inFlight = Double.random(in: 0...300, using: &generator)
            var autoscaler = settled()
            let decided = autoscaler.decide(now: 1000, current: current, inFlight: inFlight)
            #expect(decided >= min(current - 1, Int((Double(current) * 0.75).rounded(.up))))
            #expect(decided <= max(current + 1, Int((Double(current) * 1.5).rounded(.up))))
        }
        var autoscaler = settled()
        #expect(autoscaler.decide(now: 1000, current: 1, inFlight: 50) == 2)
        var large = settled()
        #expect(large.decide(now: 1000, current: 10, inFlight: 50) == 15)
        var small = settled()
        #expect(small.decide(now: 1000, current: 2, inFlight: 0) == 1)
    }

    @Test func `5: never below the fewest nor above the most`() {
        random(300) { generator in
            let (fewest, span) = (Int.random(in: 0...5, using: &generator), Int.random(in: 1...10, using: &generator))
            var autoscaler = settled {
                $0.minReplicas = fewest
                $0.maxReplicas = fewest + span
            }
            let current = Int.random(in: fewest...fewest + span, using: &generator)
            let decided = autoscaler.decide(
                now: 1000, current: current, inFlight: Double.random(in: 0...100, using: &generator))
            #expect((fewest...fewest + span).contains(decided))
        }
        var zero = settled { $0.minReplicas = 0 }
        #expect(zero.decide(now: 1000, current: 1, inFlight: 0) == 0)
    }

    @Test func `6: stabilization takes the largest within its period down, and the smallest up`() {
        // Younger than the periods: nothing at all.
        var young = Autoscaler(Autoscaler.Parameters(), now: 0)
        #expect(young.decide(now: 30, current: 4, inFlight: 40) == 4)
        #expect(young.decide(now: 299, current: 4, inFlight: 0) == 4)
        // Down: a peak holds for five minutes.
        var down = Autoscaler(Autoscaler.Parameters(), now: 0)
        #expect(down.decide(now: 1000, current: 8, inFlight: 8) == 8)
        for now in stride(from: 1010.0, through: 1300, by: 10) {
            #expect(down.decide(now: now, current: 8, inFlight: 4) == 8, "\(now)")
        }
        #expect(down.decide(now: 1301, current: 8, inFlight: 4) == 6)
        // Up: a dip holds for one minute.
        var up = Autoscaler(Autoscaler.Parameters(), now: 0)
        #expect(up.decide(now: 1000, current: 4, inFlight: 4) == 4)
        for now in stride(from: 1010.0, through: 1060, by: 10) {
            #expect(up.decide(now: now, current: 4, inFlight: 6) == 4, "\(now)")
        }
        #expect(up.decide(now: 1061, current: 4, inFlight: 6) == 6)
    }

    @Test func `7: a steady load comes to rest at its number and stays there`() {
        random(50) { generator in
            let load = Double.random(in: 0.2...40, using: &generator)
            var current = Int.random(in: 1...60, using: &generator)
            var autoscaler = Autoscaler(Autoscaler.Parameters(), now: 0)
            var history: [Int] = []
            for tick in 1...1000 {
                current = autoscaler.decide(now: Double(tick) * 10, current: current, inFlight: load)
                history.append(current)
            }
            let wanted = Double(max(1, Int(load.rounded(.up))))
            #expect(abs(Double(current) - wanted) <= max(1, wanted * 0.06), "\(load): \(current)")
            #expect(Set(history.suffix(100)).count == 1)
        }
    }

    @Test(
        arguments: [
            { (p: inout Autoscaler.Parameters) in p.minReplicas = -1 }, { $0.maxReplicas = 0 },
            { $0.targetInFlight = 0 },
            { $0.window = 55 }, { $0.tick = 0 }, { $0.maxUpscaleFactor = 0.9 }, { $0.maxDownscaleFactor = 1.1 },
            { $0.upscaleTolerance = -0.1 },
        ] as [@Sendable (inout Autoscaler.Parameters) -> Void])
    func `parameters that cannot be are refused`(change: @Sendable (inout Autoscaler.Parameters) -> Void) {
        var parameters = Autoscaler.Parameters()
        #expect(throws: Never.self) { try parameters.check() }
        change(&parameters)
        #expect(throws: MLError.self) { try parameters.check() }
    }
}
