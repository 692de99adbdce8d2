import Base
import Tensors

/// A trained network with its words and labels.
struct NetworkModel: Sendable {
    let labels: [String]
    let spec: ModelSpec
    let reader: TextReader
    let vocabulary: WordVocabulary
    var network: Network

    init(labels: [String], spec: ModelSpec, reader: TextReader, vocabulary: WordVocabulary, network: Network) {
        self.labels = labels
        self.spec = spec
        self.reader = reader
        self.vocabulary = vocabulary
        self.network = network
        switch network.attend.grouping {
        case .texts: break
        case .sentences: self.network.cutters = Set(vocabulary.numbers(of: [".", "!", "?", "…", "。"]))
        case .pairs: self.network.cutters = Set(vocabulary.numbers(of: [TextReader.pairSeparator]))
        }
        // An unknown word ends nothing.
        if vocabulary.features == nil { self.network.cutters.remove(0) }
    }

    /// Most words in one run of the network: memory stays small for any number of texts.
    private static let wordsPerRun = 8192

    var limit: Int {
        if case .words(_, _, let limit) = spec.embed { return limit }
        return .max
    }

    func numbers(_ words: [String]) -> [Int32] { vocabulary.numbers(of: words, limit: limit) }

    func predict(_ texts: [String]) throws -> [[Double]] {
        try predict(
            numbers: parallelMap(count: texts.count, workers: texts.count < 16 ? 1 : processorCount()) {
                numbers(reader.words(of: texts[$0]))
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
                if spec.predict.output == .softmax {
                    let sum = values.reduce(0, +)
                    out[row] = values.map { $0 / sum }
                } else {
                    out[row] = values
                }
            }
        }
        return out
    }
}
