import Base
import Glibc
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
    private func generation(
        _ metrics: ServiceMetrics, version: String = "worktree", predictor: any Predictor = Vowels()
    ) -> Generation {
        Generation(
            number: 1, version: version, model: "vowels", predictor: predictor,
            queue: PredictionQueue(limit: 10_000, largestBatch: 8, metrics: metrics), threads: 4)
    }

    private func ask(
        _ service: ModelService, _ text: String, headers: [(name: String, value: String)] = [],
        path: String = "/predict"
    ) async -> ServedReply {
        let request = ServedRequest(method: "POST", path: path, headers: headers, body: Array("\"\(text)\"".utf8))
        return await withCheckedContinuation { next in service.handle(request) { next.resume(returning: $0) } }
    }

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
        let generation = generation(ServiceMetrics(), version: "0123456789abcdef0123456789abcdef01234567")
        #expect(generation.answers(to: "0123") && generation.answers(to: generation.version))
        #expect(!generation.answers(to: "012") && !generation.answers(to: "0124") && !generation.answers(to: ""))
    }

    @Test func `every request is answered once, whatever waits with it`() async throws {
        let metrics = ServiceMetrics()
        let service = ModelService(
            generation(metrics), metrics: metrics, journal: ServiceJournal(metrics: metrics) { _ in })
        await withTaskGroup(of: (Int, ServedReply).self) { group in
            for number in 0..<500 {
                let text = String(repeating: "a", count: number % 7) + String(repeating: "b", count: number % 5 + 1)
                group.addTask {
                    (number, await ask(service, text))
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

    @Test func `a canary gets its share exactly, its header and its version; its failures hurt nobody`() async throws {
        let metrics = ServiceMetrics()
        let (old, new) = (String(repeating: "a", count: 40), String(repeating: "b", count: 40))
        let stable = generation(metrics, version: old)
        let service = ModelService(stable, metrics: metrics, journal: ServiceJournal(metrics: metrics) { _ in })
        func version(_ reply: ServedReply) -> String? { try? JSON(parsing: reply.body)["version"]?.stringValue }
        let candidate = generation(metrics, version: new)
        service.admit(candidate, [.header(name: "x-try", value: "yes"), .share(0.25)])
        var seen: [String: Int] = [:]
        for _ in 0..<200 { seen[version(await ask(service, "ab")) ?? "", default: 0] += 1 }
        #expect(seen == [old: 150, new: 50])
        for (value, expected) in [("yes", new), ("no", old)] {
            service.admit(candidate, [.header(name: "x-try", value: "yes"), .share(0)])
            #expect(version(await ask(service, "ab", headers: [("x-try", value)])) == expected)
        }
        let named = await ask(service, "x", path: "/v2/models/vowels/versions/bbbbbbbb/infer")
        #expect(named.headers.contains { $0 == ("x-model-version", new) })
        service.admit(generation(metrics, version: new, predictor: Broken()), [.share(1)])
        for _ in 0..<20 {
            let reply = await ask(service, "ab")
            #expect(reply.status == 200 && version(reply) == old)
        }
        let numbers = try #require(service.candidate).statistics.snapshot
        #expect(numbers.requests == 20 && numbers.errors == 20)
        let verdict = RolloutRules().judge(stable: stable.statistics.snapshot, candidate: numbers)
        // How many of the other have been counted by now is a matter of threads.
        guard case .unhealthy(let words) = verdict else { return #expect(Bool(false), "\(verdict)") }
        #expect(words.hasPrefix("20 of its 20 requests failed, and 0 of 17"))
    }

    @Test func `a shadow is asked the same and never heard`() async throws {
        let metrics = ServiceMetrics()
        let service = ModelService(
            generation(metrics, version: "old"), metrics: metrics, journal: ServiceJournal(metrics: metrics) { _ in })
        let shadow = generation(metrics, version: "new")
        service.admit(shadow, [.shadow])
        for text in ["ab", "aab", "bbb", "aaa"] {
            #expect(try JSON(parsing: await ask(service, text).body)["version"] == "old")
        }
        for _ in 0..<400 where shadow.statistics.snapshot.requests < 4 { try await Task.sleep(for: .milliseconds(10)) }
        #expect(shadow.statistics.snapshot.agreements == 4 && shadow.statistics.snapshot.comparisons == 4)
    }

    @Test func `binary tensors in and out`() async throws {
        let metrics = ServiceMetrics()
        let service = ModelService(
            generation(metrics), metrics: metrics, journal: ServiceJournal(metrics: metrics) { _ in })
        func infer(_ data: [UInt8], size: Int, head: Int? = nil) async -> ServedReply {
            let json = Array(
                """
                {"inputs": [{"name": "text", "datatype": "BYTES", "shape": [2], "parameters": {"binary_data_size": \(size)}}], \
                "parameters": {"binary_data_output": true}}
                """.utf8)
            let request = ServedRequest(
                method: "POST", path: "/v2/models/vowels/infer",
                headers: [("inference-header-content-length", String(head ?? json.count))], body: json + data)
            return await withCheckedContinuation { next in service.handle(request) { next.resume(returning: $0) } }
        }
        let data: [UInt8] = [2, 0, 0, 0, 97, 98, 1, 0, 0, 0, 97]
        let reply = await infer(data, size: data.count)
        let head = try #require(
            reply.headers.first { $0.name == "inference-header-content-length" }.flatMap { Int($0.value) })
        let outputs = try JSON(parsing: Array(reply.body[..<head]))["outputs"]?.arrayValue ?? []
        #expect(outputs.map { $0["parameters"]?["binary_data_size"] } == [18, 32] && outputs.first?["data"] == nil)
        let rest = Array(reply.body[head...])
        // "ab" is a tie, which the first wins; "a" is all vowel.
        #expect(rest.count == 50 && rest[9..<18].elementsEqual([5, 0, 0, 0] + Array("vowel".utf8)))
        let numbers = rest[18...].withUnsafeBytes { bytes in
            (0..<4).map { bytes.loadUnaligned(fromByteOffset: $0 * 8, as: Double.self) }
        }
        #expect(numbers == [0.5, 0.5, 1, 0])
        for (bytes, size, head) in [
            (data, 5, nil), (Array(data.dropLast()), 10, nil), ([255, 255, 255, 255], 4, nil), (data, 11, -1),
            (data, 11, 100_000), ([1, 0, 0, 0, 255, 0, 0, 0, 0], 9, nil),
        ] as [([UInt8], Int, Int?)] {
            #expect(await infer(bytes, size: size, head: head).status == 400, "\(bytes) \(size)")
        }
    }

    @Test func `a model that hangs does not keep its requests`() async throws {
        let metrics = ServiceMetrics()
        var limits = ModelService.Limits()
        limits.seconds = 0.2
        let service = ModelService(
            generation(metrics, predictor: Hanging()), metrics: metrics, limits: limits,
            journal: ServiceJournal(metrics: metrics) { _ in })
        #expect(await ask(service, "ab").status == 504)
    }
}

private struct Broken: Predictor {
    var labels: [String] { ["vowel", "other"] }
    func predict(_ texts: [String]) throws -> [[Double]] { throw MLError(.failed, "broken") }
}

private struct Hanging: Predictor {
    var labels: [String] { ["vowel", "other"] }
    func predict(_ texts: [String]) throws -> [[Double]] {
        usleep(1_500_000)
        return texts.map { _ in [1, 0] }
    }
}
