import Base
import Tensors

/// A model as a folder that Git can diff where it is text: `model.json`, `vocab.txt`, `weights.safetensors`
/// (`Documentation/formats/model.md`). Nothing in it depends on when or where it was written.
extension TextModel {
    /// The names of the three files.
    public static let fileNames = ["model.json", "vocab.txt", "weights.safetensors"]
    private static let formatVersion = 1

    /// Writes the three files, each in one step; the folder is created.
    public func save(to folder: String) throws {
        try Files.makeDirectories(folder)
        let (vocabulary, tensors) = parts
        let document: JSON = [
            "version": JSON(TextModel.formatVersion), "tokeniser": .string(Tokeniser.version), "labels": JSON(labels),
            "model": spec.json, "training": training.json, "history": .array(history), "provenance": provenance,
        ]
        try Files.writeAtomically(SafeTensors.encode(tensors), to: folder + "/weights.safetensors")
        try Files.writeAtomically(vocabulary.map { $0 + "\n" }.joined(), to: folder + "/vocab.txt")
        try Files.writeAtomically(document.pretty(), to: folder + "/model.json")
    }

    /// Reads a model.
    ///
    /// - Parameter read: the bytes of one of its files, wherever they are: a folder, a commit's tree.
    /// - Throws: `MLError(.corrupt)` when the files do not fit each other; `MLError(.invalidInput)` for a newer format.
    public init(reading read: (String) throws -> [UInt8]) throws {
        let document = try JSON(parsing: try read("model.json"))
        guard document["version"]?.intValue == TextModel.formatVersion,
            document["tokeniser"]?.stringValue == Tokeniser.version
        else {
            throw MLError(.invalidInput, "the model's format is not known to this version", hint: "upgrade git-ml")
        }
        let spec = try ModelSpec(document["model"] ?? .null)
        let labels = document["labels"]?.arrayValue?.compactMap(\.stringValue) ?? []
        guard labels.count >= 2, Set(labels).count == labels.count else {
            throw MLError(.corrupt, "the model has no labels, or one twice")
        }
        guard let vocabulary = String(validating: try read("vocab.txt"), as: UTF8.self) else {
            throw MLError(.corrupt, "the model's vocabulary is not UTF-8")
        }
        let words = vocabulary.utf8.split(separator: 10).map { String(Substring($0)) }
        let tensors = try SafeTensors.decode(try read("weights.safetensors"), name: "weights.safetensors")
        let kind: Kind
        if case .ngrams(let n, _) = spec.embed {
            kind = .linear(try TextModel.linear(n, labels, words, tensors))
        } else {
            kind = .network(try TextModel.network(spec, labels, words, tensors))
        }
        self.init(
            kind: kind, spec: spec, training: try TrainingSpec(document["training"] ?? .object([:])),
            history: document["history"]?.arrayValue ?? [], provenance: document["provenance"] ?? .null)
    }

    private var parts: (vocabulary: [String], tensors: [(name: String, value: Matrix)]) {
        switch kind {
        case .linear(let model):
            let weights = Matrix(
                rows: model.weights.count, columns: model.vocabulary.features.count,
                values: Array(model.weights.joined()))
            let biases = Matrix(rows: 1, columns: model.biases.count, values: model.biases)
            return (model.vocabulary.features, [("predict.bias", biases), ("predict.weight", weights)])
        case .network(let model):
            return (model.vocabulary.words, model.network.parameters.map { ($0.name, $0.value) })
        }
    }

    private static func linear(
        _ n: Int, _ labels: [String], _ features: [String], _ tensors: [String: Matrix]
    ) throws -> LinearModel {
        let outputs = labels.count == 2 ? 1 : labels.count
        guard let weights = tensors["predict.weight"], let biases = tensors["predict.bias"], weights.rows == outputs,
            weights.columns == features.count, biases.values.count == outputs
        else { throw MLError(.corrupt, "the model's weights do not fit its vocabulary and labels") }
        return LinearModel(
            labels: labels, vocabulary: NGramVocabulary(n: n, features: features),
            weights: (0..<outputs).map { Array(weights.values[($0 * features.count)..<(($0 + 1) * features.count)]) },
            biases: biases.values)
    }

    private static func network(
        _ spec: ModelSpec, _ labels: [String], _ words: [String], _ tensors: [String: Matrix]
    ) throws -> NetworkModel {
        let vocabulary = WordVocabulary(words: words)
        var network = Network(spec, words: vocabulary.count, classes: labels.count, seed: 0)
        network.parameters = try network.parameters.map { parameter in
            guard let value = tensors[parameter.name], value.rows == parameter.value.rows,
                value.columns == parameter.value.columns
            else { throw MLError(.corrupt, "the model's weights lack '\(parameter.name)', or it has another shape") }
            return Parameter(parameter.name, value)
        }
        return NetworkModel(labels: labels, spec: spec, vocabulary: vocabulary, network: network)
    }
}
