import Base
import Explainers
import Glibc

/// The black box of Fixtures/make-lime-cases.py: a logistic function of byte string counts, with bonuses for pairs.
struct TermPredictor: Predictor {
    let labels = ["neg", "pos"]
    var bias = -0.3
    var terms: [(term: String, weight: Double)] = []
    var pairs: [(first: String, second: String, bonus: Double)] = []

    init(bias: Double = -0.3, terms: [(String, Double)], pairs: [(String, String, Double)] = []) {
        self.bias = bias
        self.terms = terms.map { ($0.0, $0.1) }
        self.pairs = pairs.map { ($0.0, $0.1, $0.2) }
    }

    func predict(_ texts: [String]) throws -> [[Double]] {
        let needles = terms.map { Array($0.term.utf8) }
        let pairNeedles = pairs.map { (Array($0.first.utf8), Array($0.second.utf8), $0.bonus) }
        return texts.map { text in
            let bytes = Array(text.utf8)
            var z = bias
            for (needle, term) in zip(needles, terms) { z += term.weight * Double(count(needle, in: bytes)) }
            for (first, second, bonus) in pairNeedles where count(first, in: bytes) > 0 && count(second, in: bytes) > 0
            {
                z += bonus
            }
            let p = 1 / (1 + exp(-z))
            return [1 - p, p]
        }
    }

    private func count(_ needle: [UInt8], in bytes: [UInt8]) -> Int {
        var found = 0
        var at = 0
        while at + needle.count <= bytes.count {
            if bytes[at] == needle[0], bytes[at..<at + needle.count].elementsEqual(needle) {
                found += 1
                at += needle.count
            } else {
                at += 1
            }
        }
        return found
    }
}

/// Answers with a function of the text, and counts what it is asked.
final class RecordingPredictor: Predictor {
    let labels: [String]
    private let answer: @Sendable (String) -> [Double]
    private let mutex = Mutex()
    nonisolated(unsafe) private var batches: [[String]] = []

    init(labels: [String] = ["neg", "pos"], answer: @escaping @Sendable (String) -> [Double]) {
        self.labels = labels
        self.answer = answer
    }

    func predict(_ texts: [String]) throws -> [[Double]] {
        mutex.withLock { batches.append(texts) }
        return texts.map(answer)
    }

    var asked: [[String]] { mutex.withLock { batches } }
}

/// p(pos) = f(Σ tᵢ) with one number per token, whose gradient is known in closed form.
struct ScalarGradientPredictor: GradientPredictor {
    let labels = ["neg", "pos"]
    /// The embedding of a token.
    var weights: [String: Double]
    var function: @Sendable (Double) -> Double
    var derivative: @Sendable (Double) -> Double

    func tokens(of text: String) throws -> [TextToken] {
        IndexedText(text, mergesRepeats: false).words.map {
            TextToken(text: $0.text.lowercased(), range: $0.occurrences[0])
        }
    }

    func embedding(_ text: String) throws -> [Double] { try tokens(of: text).map { weights[$0.text] ?? 0 } }

    func predict(_ texts: [String]) throws -> [[Double]] {
        try texts.map { text in
            let p = function(try embedding(text).reduce(0, +))
            return [1 - p, p]
        }
    }

    func integratedGradients(
        of text: String, target: Int, nodes: [(position: Double, weight: Double)]
    ) throws -> (attributions: [Double], value: Double, baseline: Double) {
        let x = try embedding(text)
        let sum = x.reduce(0, +)
        let sign = target == 1 ? 1.0 : -1.0
        let slope = nodes.reduce(0) { $0 + $1.weight * derivative($1.position * sum) } * sign
        func value(_ z: Double) -> Double { target == 1 ? function(z) : 1 - function(z) }
        return (x.map { $0 * slope }, value(sum), value(0))
    }
}

/// What a closure throws; nil when it does not throw.
func failure(_ body: () throws -> Void) -> MLError? {
    do {
        try body()
        return nil
    } catch {
        return error as? MLError
    }
}
