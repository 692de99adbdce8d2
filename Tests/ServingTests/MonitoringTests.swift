import Base
import Serving
import Testing

@Suite struct MonitoringTests {
    /// Expected values by SciPy 1.x: `jensenshannon(p, q, 2) ** 2`, `entropy(p, q) + entropy(q, p)`.
    @Test(arguments: [
        ([0.1, 0.2, 0.7], [0.3, 0.3, 0.4], 0.42815370492506505, 0.07489355896415409),
        ([0.25, 0.75], [0.25, 0.75], 0, 0),
    ])
    func `drift is what SciPy says`(_ p: [Double], _ q: [Double], _ stability: Double, _ divergence: Double) {
        #expect(abs(Drift.stability(p, q) - stability) < 1e-12 && abs(Drift.stability(q, p) - stability) < 1e-12)
        #expect(abs(Drift.jensenShannon(p, q) - divergence) < 1e-12)
    }

    @Test func `distributions that have nothing in common`() {
        #expect(Drift.jensenShannon([1, 0], [0, 1]) == 1 && Drift.stability([1, 0], [0, 1]).isFinite)
        #expect(abs(Drift.jensenShannon([0, 0.5, 0.5], [0.5, 0.5, 0]) - 0.5) < 1e-12)
    }

    @Test func `a distribution survives its file`() throws {
        let reference = ReferenceDistribution(
            texts: ["short", String(repeating: "long ", count: 30)], rows: [[0.9, 0.1], [0.45, 0.55]],
            labels: ["neg", "pos"], words: { ($0.hasPrefix("short") ? 1 : 0, $0.split(separator: " ").count) })
        #expect(reference.classes.map(\.share) == [0.5, 0.5] && reference.unknownWords == 1.0 / 31)
        #expect(reference.scores[8] == 0.5 && reference.scores[5] == 0.5)
        #expect(reference.lengths[0] == 0.5 && reference.lengths[4] == 0.5)
        #expect(try ReferenceDistribution(JSON(parsing: Array(reference.json.pretty().utf8))) == reference)
        #expect(throws: MLError.self) { try ReferenceDistribution(["version": 2]) }
    }

    private func sample(_ time: Double, _ lines: String) throws -> ServiceSample {
        let always = "gitml_generation_info{version=\"a\",model=\"m\"} 1\nprocess_start_time_seconds 1000\n"
        return try ServiceSample(PrometheusText(always + lines), time: time)
    }

    @Test func `rates and quantiles are of the window, and begin anew with the server`() throws {
        func page(_ requests: Int, _ fast: Int) -> String {
            """
            # HELP x "y"
            gitml_requests_total{endpoint="predict",code="200"} \(requests)
            gitml_requests_total{endpoint="health",code="200"} 5000
            gitml_request_duration_seconds_bucket{endpoint="predict",le="0.1"} \(fast)
            gitml_request_duration_seconds_bucket{endpoint="predict",le="0.2"} \(requests)
            gitml_request_duration_seconds_bucket{endpoint="predict",le="+Inf"} \(requests)

            """
        }
        var history = MonitorHistory(url: "u", window: 10)
        let first = history.add(try sample(1100, page(200, 200)))
        #expect(first.requests == 200 && first.perSecond == 2)
        let second = history.add(try sample(1110, page(300, 250)))
        #expect(second.requests == 100 && second.perSecond == 10 && second.failed == 0)
        // Of the last 100, half below 0.1 s and half between 0.1 and 0.2 s.
        #expect(second.latency.p50 == 0.1 && abs((second.latency.p99 ?? 0) - 0.198) < 1e-9)
        let third = history.add(try sample(1120, page(300, 250)))
        #expect(third.requests == 0 && third.perSecond == 0 && third.latency.p50 == nil)
        let anew = history.add(try sample(1130, page(30, 30)))
        #expect(anew.requests == 30)
    }

    @Test func `drift of a page, and pages that are none`() throws {
        let lines = """
            gitml_predictions_total{version="a",class="pos"} 90
            gitml_predictions_total{version="a",class="n\\"eg"} 10
            gitml_reference_class_share{version="a",class="pos"} 0.5
            gitml_reference_class_share{version="a",class="n\\"eg"} 0.5
            gitml_words_total{version="a"} 100
            gitml_unknown_words_total{version="a"} 2
            gitml_reference_unknown_words_share{version="a"} 0.02

            """
        var history = MonitorHistory(url: "u", window: 10)
        let generation = try #require(history.add(try sample(1100, lines)).generations.first)
        #expect(generation.predictions == 100 && generation.classes.map(\.label) == ["n\"eg", "pos"])
        #expect(generation.drift.map(\.name) == ["classes", "unknown_words"])
        #expect(abs((generation.drift.first?.shift.stability ?? 0) - 0.878890) < 1e-6)
        #expect(generation.drift.last?.shift.stability == 0)
        #expect(throws: MLError.self) { try PrometheusText("<html>") }
        #expect(throws: MLError.self) { try ServiceSample(PrometheusText("up 1\n"), time: 0) }
    }

    @Test(arguments: [
        ("Write to ann.b+c@x.org, please", "Write to <mail> please"),
        ("call 0171-2345 or @ann_b", "call 0000-0000 or <account>"),
        ("see https://x.org/me?id=3\nor www.x.org", "see <url>\nor <url>"), ("born ١٩٨٠, é ok", "born 0000, é ok"),
        ("", ""),
    ])
    func `what points to a person is blotted out`(_ text: String, _ expected: String) {
        #expect(Redaction.of(text) == expected)
    }

    @Test func `a label cannot leave the page's script`() {
        let page = MonitorPage.html(["model": "</script><b>"], isLive: false, interval: 1)
        #expect(!page.contains("</script><b>"))
    }
}
