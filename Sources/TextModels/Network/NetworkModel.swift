import Base
import Tensors

/// A trained network with its words and labels.
struct NetworkModel: Sendable {
    let labels: [String]
    let spec: ModelSpec
    let vocabulary: WordVocabulary
    var network: Network

    /// Most words in one run of the network: memory stays small for any number of texts.
    private static let wordsPerRun = 8192

    private var limit: Int {
        if case .words(_, _, let limit) = spec.embed { return limit }
        return .max
    }

    func numbers(_ words: [String]) -> [Int32] { vocabulary.numbers(of: words, limit: limit) }

    func predict(_ texts: [String]) throws -> [[Double]] {
        try predict(
            numbers: parallelMap(count: texts.count, workers: texts.count < 16 ? 1 : processorCount()) {
                numbers(Tokeniser.words(of: texts[$0]))
            })
    }

    /// Runs texts of like length together; which ones never shows beyond rounding.
    func predict(numbers texts: [[Int32]]) throws -> [[Double]] {
        let order = texts.indices.sorted { (texts[$0].count, $0) < (texts[$1].count, $1) }
        var groups: [[Int]] = []
        var words = 0
        for row in order {
            if groups.isEmpty || words + texts[row].count > NetworkModel.wordsPerRun {
                groups.append([])
                words = 0
            }
            groups[groups.count - 1].append(row)
            words += texts[row].count
        }
        let runs = groups
        let results = try parallelMap(count: runs.count) { network.probabilities(runs[$0].map { texts[$0] }) }
        var out = [[Double]](repeating: [], count: texts.count)
        for (group, result) in zip(groups, results) {
            for (place, row) in group.enumerated() {
                let values = (0..<labels.count).map { Double(result[place, $0]) }
                let sum = values.reduce(0, +)
                out[row] = values.map { $0 / sum }
            }
        }
        return out
    }

    /// Integrated gradients on the word vectors, from zero vectors (Sundararajan et al. 2017, equation 1), all nodes in
    /// one run; words the model does not read have 0.
    func integratedGradients(
        _ words: [String], target: Int, nodes: [(position: Double, weight: Double)]
    ) -> (attributions: [Double], value: Double, baseline: Double) {
        let ids = numbers(words)
        let vectors = network.embed.forward(ids)
        let positions = nodes.map(\.position) + [1, 0]
        var stacked = Matrix(ids.count * positions.count, vectors.columns)
        for (copy, position) in positions.enumerated() {
            for index in vectors.values.indices {
                stacked.values[copy * vectors.values.count + index] = Float(position) * vectors.values[index]
            }
        }
        let offsets = (0...positions.count).map { $0 * ids.count }
        let (probabilities, backward) = network.forward(stacked, offsets: offsets)
        // d p(target) / d score(k) = p(target) (1[k = target] − p(k)).
        var gradient = Matrix(positions.count, labels.count)
        for (copy, node) in nodes.enumerated() {
            let p = probabilities[copy, target]
            for label in labels.indices {
                gradient[copy, label] =
                    Float(node.weight) * p * ((label == target ? 1 : 0) - probabilities[copy, label])
            }
        }
        var unused = Gradients()
        let slopes = backward(gradient, &unused)
        var perWord = [Double](repeating: 0, count: ids.count)
        for copy in nodes.indices {
            for row in ids.indices {
                for column in 0..<vectors.columns {
                    perWord[row] += Double(slopes[copy * ids.count + row, column]) * Double(vectors[row, column])
                }
            }
        }
        var attributions = [Double](repeating: 0, count: words.count)
        var place = 0
        for range in WordVocabulary.kept(words.count, limit: limit) {
            for index in range {
                attributions[index] = perWord[place]
                place += 1
            }
        }
        return (
            attributions, Double(probabilities[nodes.count, target]), Double(probabilities[nodes.count + 1, target])
        )
    }
}
