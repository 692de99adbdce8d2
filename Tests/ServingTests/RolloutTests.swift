import Base
import Serving
import Testing

@Suite struct RolloutRulesTests {
    private func numbers(_ requests: Int, errors: Int = 0, seconds: Double = 0.001, positive: Double = 0.5)
        -> GenerationStatistics.Snapshot
    {
        let statistics = GenerationStatistics()
        for index in 0..<requests {
            let label = Double(index % 100) < positive * 100 ? "pos" : "neg"
            if index < errors {
                statistics.observeError(seconds: seconds)
            } else {
                statistics.observe(labels: [label], seconds: seconds)
            }
        }
        return statistics.snapshot
    }

    private func isUnhealthy(_ verdict: RolloutRules.Verdict, _ words: String) -> Bool {
        if case .unhealthy(let reason) = verdict { return reason.contains(words) }
        return false
    }

    @Test func `errors beyond the rate count as soon as they are certain, latency and drift when there is enough`() {
        let rules = RolloutRules()
        let stable = numbers(1000)
        #expect(rules.judge(stable: stable, candidate: numbers(99)) == .unknown)
        #expect(rules.judge(stable: stable, candidate: numbers(100)) == .healthy)
        // Five of a hundred are allowed, whenever they come.
        #expect(rules.judge(stable: stable, candidate: numbers(5, errors: 5)) == .unknown)
        #expect(isUnhealthy(rules.judge(stable: stable, candidate: numbers(6, errors: 6)), "6 of its 6 requests"))
        #expect(rules.judge(stable: numbers(1000, errors: 100), candidate: numbers(200, errors: 25)) == .healthy)
        #expect(isUnhealthy(rules.judge(stable: stable, candidate: numbers(200, seconds: 0.02)), "99 %"))
        // A few milliseconds are none.
        #expect(rules.judge(stable: stable, candidate: numbers(200, seconds: 0.005)) == .healthy)
        #expect(isUnhealthy(rules.judge(stable: stable, candidate: numbers(200, positive: 0.9)), "drift"))
        #expect(rules.judge(stable: stable, candidate: numbers(200, positive: 0.6)) == .healthy)
        #expect(isUnhealthy(rules.judge(stable: stable, candidate: numbers(0), isFailing: true), "replicas"))
        // All traffic may be its own.
        #expect(rules.judge(stable: numbers(0), candidate: numbers(200, seconds: 9)) == .healthy)
    }

    @Test func `quantiles are right to a tenth, and differences leave what was before out`() throws {
        let statistics = GenerationStatistics()
        for index in 1...1000 { statistics.observe(labels: ["a"], seconds: Double(index) / 1000) }
        let before = statistics.snapshot
        for (quantile, value) in [(0.5, 0.5), (0.95, 0.95), (0.99, 0.99)] {
            let found = try #require(before.latency(quantile: quantile))
            #expect(found >= value * 0.999 && found <= value * 1.11)
        }
        statistics.observeError(seconds: 0.001)
        let since = statistics.snapshot.since(before)
        #expect(since.requests == 1 && since.errors == 1 && since.classes["a"] == 0)
        #expect((since.latency(quantile: 0.99) ?? 1) < 0.0012)
    }

    @Test func `a plan is what it was written as`() throws {
        var plan = RolloutPlan(
            strategy: .canary, commit: "abc", steps: [0.05, 0.5], stepSeconds: 2, header: ("x-a", nil),
            isAutomatic: true)
        plan.rules.maxDrift = 0.5
        plan.state = .aborted
        plan.reason = "by hand"
        #expect(try RolloutPlan(JSON(parsing: plan.json.compact())) == plan)
        #expect(plan.splits(step: 1) == [.header(name: "x-a", value: nil), .share(0.5)])
        #expect(throws: MLError.self) { try RolloutPlan(["version": 2]) }
    }
}
