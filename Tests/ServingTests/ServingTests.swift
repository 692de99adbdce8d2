import Base
import Serving
import Testing

/// Gives every text the share of its vowels.
private struct Vowels: Predictor {
    var labels: [String] { ["vowel", "other"] }
    func predict(_ texts: [String]) throws -> [[Double]] {
        texts.map { text in
            let share = text.isEmpty ? 0 : Double(text.filter { "aeiou".contains($0) }.count) / Double(text.count)
            return [share, 1 - share]
        }
    }
}

@Suite struct ServingTests {
    private let generation = Generation(number: 1, version: "worktree", model: "vowels", predictor: Vowels())

    @Test func `golden predictions say which answer changed`() throws {
        let text = "{\"label\": \"other\", \"probabilities\": {\"vowel\": 0.5, \"other\": 0.5}, \"text\": \"ab\"}\n"
        try GoldenPredictions(parsing: Array(text.utf8), name: "g").check(Vowels())
        let wrong = text.replacing("0.5", with: "0.4")
        let error = try #require(throws: MLError.self) {
            try GoldenPredictions(parsing: Array(wrong.utf8), name: "g").check(Vowels())
        }
        #expect(error.message.contains("'ab'") && error.message.contains("'vowel'"))
        let none = try #require(throws: MLError.self) { try GoldenPredictions(parsing: Array("x\n".utf8), name: "g") }
        #expect(none.message.contains("line 1"))
    }

    @Test func `versions by their beginning`() {
        var generation = generation
        generation.version = "0123456789abcdef0123456789abcdef01234567"
        #expect(generation.answers(to: "0123") && generation.answers(to: generation.version))
        #expect(!generation.answers(to: "012") && !generation.answers(to: "0124") && !generation.answers(to: ""))
    }

    @Test func `every request is answered once, whatever waits with it`() async throws {
        let metrics = ServiceMetrics()
        let queue = PredictionQueue(limit: 10_000, workers: 4, largestBatch: 8, metrics: metrics)
        let service = ModelService(
            generation, queue: queue, metrics: metrics, journal: ServiceJournal(metrics: metrics) { _ in })
        await withTaskGroup(of: (Int, ServedReply).self) { group in
            for number in 0..<500 {
                let text = String(repeating: "a", count: number % 7) + String(repeating: "b", count: number % 5 + 1)
                group.addTask {
                    let request = ServedRequest(method: "POST", path: "/predict", body: Array("\"\(text)\"".utf8))
                    return await withCheckedContinuation { next in
                        service.handle(request) { next.resume(returning: (number, $0)) }
                    }
                }
            }
            var seen: Set<Int> = []
            for await (number, reply) in group {
                #expect(seen.insert(number).inserted && reply.status == 200)
                let (vowels, all) = (number % 7, number % 7 + number % 5 + 1)
                let body = try? JSON(parsing: reply.body)
                #expect(body?["probabilities"]?["vowel"]?.doubleValue == Double(vowels) / Double(all))
            }
            #expect(seen.count == 500)
        }
    }

    @Test(arguments: [
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true),
        ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", false),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false),
        ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false),
        ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", false),
        ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", true), ("", false),
    ]) func `trace ids as the W3C has them`(header: String, isValid: Bool) {
        let request = ServedRequest(method: "GET", path: "/", headers: [("traceparent", header)])
        #expect((RequestIdentity(request).trace != nil) == isValid)
    }
}
