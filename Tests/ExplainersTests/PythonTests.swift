import Base
import Explainers
import Testing

/// Explanations and random numbers of the Python packages (Fixtures/make-lime-cases.py), repeated here.
@Suite struct PythonTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let json: JSON
        var name: String { json["name"]?.stringValue ?? "" }
        var testDescription: String { name }
        func int(_ key: String) -> Int { json[key]?.intValue ?? -1 }
        func double(_ key: String) -> Double { json[key]?.doubleValue ?? .nan }
    }

    static let fixture =
        (try? JSON(parsing: Files.read(Files.parent(of: #filePath) + "/Fixtures/lime-cases.json"))) ?? .null
    static let cases = (fixture["cases"]?.arrayValue ?? []).map { Case(json: $0) }
    static let predictor = TermPredictor(
        bias: fixture["bias"]!.doubleValue!,
        terms: fixture["terms"]!.arrayValue!.map { ($0.arrayValue![0].stringValue!, $0.arrayValue![1].doubleValue!) },
        pairs: fixture["pairs"]!.arrayValue!.map {
            ($0.arrayValue![0].stringValue!, $0.arrayValue![1].stringValue!, $0.arrayValue![2].doubleValue!)
        })

    static func lime(_ test: Case) throws -> LIME {
        LIME(
            samples: test.int("samples"), features: test.int("features"), kernelWidth: test.double("kernel_width"),
            selection: try ExplainerRegistry.selection(test.json["selection"]!.stringValue!),
            seed: UInt64(test.int("seed")), generator: .legacyNumPy, mergesRepeats: test.json["bow"]!.boolValue!)
    }

    @Test(arguments: cases)
    func `explains as lime 0.2.0.1 does with the same seed`(_ test: Case) throws {
        let text = test.json["text"]!.stringValue!
        let label = PythonTests.predictor.labels[test.int("label")]
        let attribution = try PythonTests.lime(test).explain(
            text, predictor: PythonTests.predictor, target: .label(label))
        #expect(attribution.words.map(\.text) == test.json["vocabulary"]!.arrayValue!.map { $0.stringValue! })
        var expected = [Double](repeating: 0, count: attribution.words.count)
        for pair in test.json["values"]!.arrayValue! {
            expected[pair.arrayValue![0].intValue!] = pair.arrayValue![1].doubleValue!
        }
        let difference = zip(attribution.words, expected).map { abs($0.value - $1) }.max() ?? .infinity
        #expect(difference < 1e-12)
        #expect(abs(attribution.intercept! - test.double("intercept")) < 1e-12)
        #expect(abs(attribution.fit! - test.double("r2")) < 1e-11)
    }

    @Test func `the fixture is there`() { #expect(PythonTests.cases.count == 17) }

    @Test func `draws as NumPy's RandomState does`() throws {
        for draws in PythonTests.fixture["draws"]!.arrayValue! {
            func list(_ key: String) -> [Int] { draws[key]!.arrayValue!.map { $0.intValue! } }
            var random = LegacyNumPyRandom(seed: UInt32(draws["seed"]!.intValue!))
            #expect((0..<5).map { _ in Int(random.next()) } == list("words"))
            // More than one state of 624 words.
            #expect((0..<700).map { _ in random.integer(from: 1, span: 20) } == list("integers"))
            #expect(random.permutation(17) == list("permutation"))
            #expect(Array(random.permutation(100)[..<30]) == list("choice"))
            #expect((0..<3).map { _ in random.integer(from: 1, span: 1) } == list("single"))
            #expect(random.integer(from: 0, span: 1000) == draws["after"]!.intValue!)
        }
    }

    @Test func `follows scikit-learn's lasso path where features leave it again`() {
        for problem in PythonTests.fixture["lasso"]!.arrayValue! {
            let masks = problem["rows"]!.arrayValue!.map { row in
                let bits = Array(row.stringValue!)
                var mask = BitSet(count: bits.count)
                for index in bits.indices { mask[index] = bits[index] == "1" }
                return mask
            }
            let count = masks[0].count
            let moments = RegressionMoments(
                masks: masks, weight: { LocalModel.weight(present: $0, of: count, kernelWidth: 25) },
                responses: problem["responses"]!.arrayValue!.map { $0.doubleValue! })
            let supports = problem["supports"]!.arrayValue!.map { $0.arrayValue!.map { $0.intValue! } }
            #expect(zip(supports, supports.dropFirst()).contains { $0.count >= $1.count })
            let path = LassoPath(moments, rows: masks.count)
            #expect(path.supports == supports)
            #expect(path.selection(limit: 4) == supports.last { $0.count <= 4 })
            #expect(path.selection(limit: 0) == supports[0])
        }
    }
}
