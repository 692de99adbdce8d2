import Base
import Tensors

extension TextModel {
    /// The model as an ONNX file that answers as the model does (`Documentation/formats/onnx.md`).
    public func onnx() -> [UInt8] {
        var properties = [
            ("labels", JSON(labels).compact()), ("tokeniser", Tokeniser.version), ("model", spec.json.compact()),
        ]
        switch kind {
        case .linear(let model):
            properties.append(("inputs", "tokens"))
            return TextModel.graph(model).file(name: "linear", producer: "git-ml", properties: properties)
        case .network(let model):
            var network = OnnxNetwork(model)
            network.build(labels: labels)
            properties.append(("inputs", model.vocabulary.features == nil ? "ids, lengths" : "rows, lengths"))
            return network.graph.file(name: "network", producer: "git-ml", properties: properties)
        }
    }

    /// The inputs of the ONNX file for one text, by name: a batch of one text (its sentences, or the two texts of a pair).
    public func onnxInputs(of text: String) -> JSON {
        switch kind {
        case .linear:
            return ["tokens": [JSON(Tokeniser.words(of: text))]]
        case .network(let model):
            let ids = model.numbers(model.reader.words(of: text))
            let layout = model.network.layout([ids])
            let sequences = zip(layout.offsets, layout.offsets.dropFirst()).map { Array(ids[$0..<$1]) }
            let longest = max(1, sequences.map(\.count).max() ?? 0)
            func list(_ numbers: [Int]) -> JSON { .array(numbers.map { JSON($0) }) }
            let lengths = list(sequences.map(\.count))
            guard let features = model.vocabulary.features else {
                let rows = sequences.map { list(TextModel.filled($0.map { Int($0) }, longest, with: 0)) }
                return ["ids": .array(rows), "lengths": lengths]
            }
            let rows = sequences.map { features.rows(of: $0).map { $0.map { Int($0) } } }
            let most = max(1, rows.joined().map(\.count).max() ?? 0, features.leastRows)
            let none = features.rowCount
            let empty = [Int](repeating: none, count: most)
            return [
                "rows": .array(
                    rows.map { text in
                        let words = text.map { TextModel.filled($0, most, with: none) }
                        return .array((0..<longest).map { list($0 < words.count ? words[$0] : empty) })
                    }), "lengths": lengths,
            ]
        }
    }

    private static func filled(_ list: [Int], _ count: Int, with value: Int) -> [Int] {
        list + [Int](repeating: value, count: max(0, count - list.count))
    }

    /// A linear model: tokens to the presence of n-grams, to scores, to probabilities.
    private static func graph(_ model: LinearModel) -> OnnxGraph {
        var graph = OnnxGraph()
        graph.input("tokens", .text, ["texts", "words"], about: "words of each text, filled up with empty ones")
        let spellings = model.vocabulary.features.map { $0.split(separator: " ").map(String.init) }
        var (pool, starts, places): ([String], [Int], [Int]) = ([], [], [])
        for length in 1...model.vocabulary.n {
            starts.append(pool.count)
            for (place, words) in spellings.enumerated() where words.count == length {
                pool += words
                places.append(place)
            }
        }
        let present = graph.add(
            "TfIdfVectorizer", ["tokens"],
            [
                ("mode", .text("IDF")), ("min_gram_length", .integer(1)),
                ("max_gram_length", .integer(model.vocabulary.n)), ("max_skip_count", .integer(0)),
                ("pool_strings", .texts(pool)), ("ngram_counts", .integers(starts)),
                ("ngram_indexes", .integers(places)),
                ("weights", .floats([Float](repeating: 1, count: places.count))),
            ])
        let outputs = model.weights.count
        var weights = Matrix(model.vocabulary.count, outputs)
        for output in 0..<outputs {
            for feature in 0..<model.vocabulary.count { weights[feature, output] = model.weights[output][feature] }
        }
        let scores = graph.dense(present, weights, Matrix(rows: 1, columns: outputs, values: model.biases))
        if outputs == 1 {
            let parts = [graph.add("Sigmoid", [graph.add("Neg", [scores])]), graph.add("Sigmoid", [scores])]
            graph.add("Concat", parts, to: "probabilities", [("axis", .integer(1))])
        } else {
            graph.add("Softmax", [scores], to: "probabilities", [("axis", .integer(-1))])
        }
        graph.output(
            "probabilities", .float, ["texts", String(model.labels.count)],
            about: "in the order of the property 'labels'")
        return graph
    }
}
