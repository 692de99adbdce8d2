import Base
import Explainers
import Glibc
import Testing

/// The black box of Fixtures/make-lime-fixtures.py: the logistic function of a sum over words and pairs of neighbours.
struct WordWeightModel: Predictor {
    let labels = ["neg", "pos"]
    let weights: [String: Double]
    let pairs: [[String]: Double]

    init(_ fixture: JSON) throws {
        weights = Dictionary(
            uniqueKeysWithValues: try #require(fixture["weights"]?.objectValue).pairs.map {
                ($0.key, $0.value.doubleValue ?? .nan)
            })
        var pairs: [[String]: Double] = [:]
        for row in try #require(fixture["pairs"]?.arrayValue) {
            let row = try #require(row.arrayValue)
            pairs[[row[0].stringValue ?? "", row[1].stringValue ?? ""]] = row[2].doubleValue
        }
        self.pairs = pairs
    }

    func predict(_ texts: [String]) throws -> [[Double]] {
        texts.map { text in
            let words = text.unicodeScalars.split { !IndexedText.isWordCharacter($0) }.map { String($0) }
            var logit = 0.1
            for word in words { logit += weights[word] ?? 0 }
            for pair in zip(words, words.dropFirst()) { logit += pairs[[pair.0, pair.1]] ?? 0 }
            let positive = 1 / (1 + exp(-logit))
            return [1 - positive, positive]
        }
    }
}

func fixture() throws -> JSON {
    try JSON(parsing: Files.read(Files.join(Files.parent(of: #filePath), "Fixtures/lime.json")))
}

@Suite struct LIMEFixtureTests {
    @Test func `the legacy generator draws what NumPy draws`() throws {
        let fixture = try fixture()
        var random = LegacyNumPyRandom(seed: 123)
        let draws = (0..<12).map { _ in random.integer(from: 1, span: 7) }
        #expect(draws == fixture["randint_1_8_seed_123"]?.arrayValue?.compactMap(\.intValue))
        let permutations = [1, 2, 5, 11].map { random.permutation($0) }
        #expect(
            permutations == fixture["permutations_after_it"]?.arrayValue?.map { $0.arrayValue?.compactMap(\.intValue) })
    }

    @Test func `with the same seed every explanation equals that of Python's lime`() throws {
        let fixture = try fixture()
        let model = try WordWeightModel(fixture)
        let items = try #require(fixture["items"]?.arrayValue)
        #expect(items.count == 10)
        for item in items {
            let method = LIME(
                samples: try #require(item["samples"]?.intValue), features: try #require(item["features"]?.intValue),
                seed: UInt64(try #require(item["seed"]?.intValue)), generator: .legacyNumPy,
                mergesRepeats: try #require(item["bow"]?.boolValue as Bool?))
            let label = model.labels[try #require(item["label"]?.intValue)]
            let result = try method.explain(
                try #require(item["text"]?.stringValue), predictor: model, target: .label(label))
            let words = try #require(item["words"]?.arrayValue).map { Array(($0.stringValue ?? "").utf8) }
            #expect(result.words.map { Array($0.text.utf8) } == words)
            var expected = [Double](repeating: 0, count: words.count)
            for pair in try #require(item["weights"]?.arrayValue) {
                let pair = try #require(pair.arrayValue)
                expected[try #require(pair[0].intValue)] = try #require(pair[1].doubleValue)
            }
            for (word, value) in zip(result.words, expected) {
                #expect((word.value == 0) == (value == 0) && abs(word.value - value) < 1e-9, "\(word.text)")
            }
            #expect(abs(try #require(result.intercept) - #require(item["intercept"]?.doubleValue)) < 1e-9)
            #expect(abs(try #require(result.fit) - #require(item["score"]?.doubleValue)) < 1e-9)
            let local = result.sum + (result.intercept ?? 0)
            #expect(abs(local - (try #require(item["local_pred"]?.doubleValue))) < 1e-9)
        }
    }
}
