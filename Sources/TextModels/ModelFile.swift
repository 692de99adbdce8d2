import Base
import Tensors

/// A model as a folder that Git can diff where it is text: `model.json`, `vocab.txt`, `weights.safetensors`
/// (`Documentation/formats/model.md`). Nothing in it depends on when or where it was written.
extension TextModel {
    /// The names of the three files.
    public static let fileNames = ["model.json", "vocab.txt", "weights.safetensors"]
    private static let formatVersion = 1

    /// Writes the three files, each in one step; the folder is created.
    ///
    /// - Parameter precision: how weights are stored.
    public func save(to folder: String, precision: SafeTensors.Precision = .single) throws {
        try Files.makeDirectories(folder)
        let (vocabulary, tensors) = parts
        var document: JSONObject = [
            "version": JSON(TextModel.formatVersion), "tokeniser": .string(Tokeniser.version), "labels": JSON(labels),
            "model": spec.json, "training": training.json, "history": .array(history), "provenance": provenance,
        ]
        if case .network(let model) = kind, let encoder = model.network.encode as? PretrainedEncoder {
            let shape = encoder.shape
            document["encoder"] = [
                "width": JSON(shape.width), "layers": JSON(shape.layers), "heads": JSON(shape.heads),
                "hidden": JSON(shape.hidden), "places": JSON(shape.places), "epsilon": JSON(Double(shape.epsilon)),
                "lowercase": .bool(model.reader.isLowercasePieces),
            ]
        }
        if case .network(let model) = kind, case .pieces = spec.vectors.source, let pieces = model.reader.pieces {
            document["pieces"] = pieces.json
            if !pieces.merges.isEmpty {
                try Files.writeAtomically(pieces.merges.map { $0 + "\n" }.joined(), to: folder + "/merges.txt")
            }
        }
        try Files.writeAtomically(
            SafeTensors.encode(tensors, precision: precision), to: folder + "/weights.safetensors")
        try Files.writeAtomically(vocabulary.map { $0 + "\n" }.joined(), to: folder + "/vocab.txt")
        try Files.writeAtomically(JSON.object(document).pretty(), to: folder + "/model.json")
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
        guard labels.count >= (spec.predict.output == .regression ? 1 : 2), Set(labels).count == labels.count else {
            throw MLError(.corrupt, "the model has no labels, or one twice")
        }
        let vocabulary = try read("vocab.txt")
        guard String(validating: vocabulary, as: UTF8.self) != nil else {
            throw MLError(.corrupt, "the model's vocabulary is not UTF-8")
        }
        let tensors = try SafeTensors.decode(try read("weights.safetensors"), name: "weights.safetensors")
        let kind: Kind
        if case .ngrams(let n, _) = spec.embed {
            kind = .linear(try TextModel.linear(NGramVocabulary(n: n, text: vocabulary), labels, tensors))
        } else {
            let words = vocabulary.split(separator: 10).map { String(decoding: $0, as: UTF8.self) }
            let merges = document["pieces"]?["kind"] == "bpe" ? try read("merges.txt") : []
            kind = .network(
                try TextModel.network(
                    spec, labels, words, tensors, document["encoder"],
                    try TextModel.pieces(document["pieces"], words, merges)))
        }
        self.init(
            kind: kind, spec: spec, training: try TrainingSpec(document["training"] ?? .object([:])),
            history: document["history"]?.arrayValue ?? [], provenance: document["provenance"] ?? .null)
    }

    private var parts: (vocabulary: [String], tensors: [(name: String, value: Matrix)]) {
        switch kind {
        case .linear(let model):
            let weights = Matrix(
                rows: model.weights.count, columns: model.vocabulary.count,
                values: Array(model.weights.joined()))
            let biases = Matrix(rows: 1, columns: model.biases.count, values: model.biases)
            return (model.vocabulary.features, [("predict.bias", biases), ("predict.weight", weights)])
        case .network(let model):
            return (model.vocabulary.words, model.network.parameters.map { ($0.name, $0.value) })
        }
    }

    private static func linear(
        _ vocabulary: NGramVocabulary, _ labels: [String], _ tensors: [String: Matrix]
    ) throws -> LinearModel {
        let outputs = labels.count == 2 ? 1 : labels.count
        guard let weights = tensors["predict.weight"], let biases = tensors["predict.bias"], weights.rows == outputs,
            weights.columns == vocabulary.count, biases.values.count == outputs
        else { throw MLError(.corrupt, "the model's weights do not fit its vocabulary and labels") }
        return LinearModel(
            labels: labels, vocabulary: vocabulary,
            weights: (0..<outputs).map {
                Array(weights.values[($0 * vocabulary.count)..<(($0 + 1) * vocabulary.count)])
            },
            biases: biases.values)
    }

    /// What cuts words into the pieces of `vocab.txt`; nil where they are whole.
    private static func pieces(_ about: JSON?, _ words: [String], _ merges: [UInt8]) throws -> (any PieceReader)? {
        switch about?["kind"]?.stringValue {
        case nil: return nil
        case "wordpiece": return WordPiece(pieces: words, isLowercase: about?["lowercase"]?.boolValue ?? true)
        case "bpe":
            let lines = merges.split(separator: 10).map { String(decoding: $0, as: UTF8.self) }
            return try BytePair(
                pieces: words, merges: lines, isPrefixed: about?["prefix_space"]?.boolValue ?? false,
                name: "merges.txt")
        case let kind?: throw MLError(.invalidInput, "the model's pieces are of the unknown kind '\(kind)'")
        }
    }

    private static func network(
        _ spec: ModelSpec, _ labels: [String], _ words: [String], _ tensors: [String: Matrix], _ encoder: JSON?,
        _ pieces: (any PieceReader)?
    ) throws -> NetworkModel {
        let vocabulary = WordVocabulary(words: words, features: spec.features)
        var pretrained: PretrainedEncoder?
        var reader = TextReader(spec, pieces: pieces)
        if case .pretrained = spec.vectors.source {
            func size(_ key: String) throws -> Int {
                guard let value = encoder?[key]?.intValue, (1...1 << 20).contains(value) else {
                    throw MLError(.corrupt, "the model's encoder has no '\(key)'")
                }
                return value
            }
            let shape = PretrainedEncoder.Shape(
                width: try size("width"), layers: try size("layers"), heads: try size("heads"),
                hidden: try size("hidden"), places: try size("places"),
                epsilon: Float(encoder?["epsilon"]?.doubleValue ?? 1e-12))
            guard shape.width % shape.heads == 0 else {
                throw MLError(.corrupt, "the model's heads do not divide its width")
            }
            pretrained = PretrainedEncoder(shape, isFrozen: spec.vectors.isFrozen)
            let isLowercase = encoder?["lowercase"]?.boolValue ?? true
            reader = TextReader(spec, pieces: WordPiece(pieces: words, isLowercase: isLowercase))
        }
        var network = Network(
            spec, words: vocabulary.count, classes: labels.count, seed: 0, features: vocabulary.features,
            pretrained: pretrained)
        network.parameters = try network.parameters.map { parameter in
            let expected = "\(parameter.value.rows) x \(parameter.value.columns)"
            guard let value = tensors[parameter.name] else {
                throw MLError(.corrupt, "the model's weights lack '\(parameter.name)' (\(expected))")
            }
            guard value.rows == parameter.value.rows, value.columns == parameter.value.columns else {
                throw MLError(
                    .corrupt,
                    "the model's weights '\(parameter.name)' are \(value.rows) x \(value.columns), expected \(expected)",
                    hint: "weights, vocabulary and model.json must come from one training")
            }
            return Parameter(parameter.name, value)
        }
        return NetworkModel(labels: labels, spec: spec, reader: reader, vocabulary: vocabulary, network: network)
    }
}
