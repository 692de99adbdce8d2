import Base
import Tensors

/// A pretrained BERT as Python tools store it: `config.json`, `model.safetensors`, and `tokenizer.json` or `vocab.txt`.
struct PretrainedFile {
    let pieces: [String]
    let isLowercase: Bool
    let shape: PretrainedEncoder.Shape
    private let tensors: [String: Matrix]

    /// - Parameter read: the bytes of one of its files.
    /// - Throws: `MLError(.invalidInput)` for another architecture, with what was expected and found; `.corrupt` for
    ///   weights that are missing or have another shape.
    init(folder: String, reading read: (String) throws -> [UInt8]) throws {
        let config: JSON
        do { config = try JSON(parsing: try read("config.json")) } catch let error as MLError {
            throw MLError(
                error.code, "'\(folder)' holds no readable config.json: \(error.message)",
                hint: "name the folder with config.json, model.safetensors and tokenizer.json or vocab.txt")
        }
        let kind = config["model_type"]?.stringValue ?? "none"
        guard kind == "bert" else {
            throw MLError(.invalidInput, "'\(folder)' is of the architecture '\(kind)', expected 'bert'")
        }
        let activation = config["hidden_act"]?.stringValue ?? "gelu"
        guard activation == "gelu" else {
            throw MLError(.invalidInput, "'\(folder)' has the activation '\(activation)', expected 'gelu'")
        }
        func size(_ key: String) throws -> Int {
            guard let value = config[key]?.intValue, value > 0 else {
                throw MLError(.corrupt, "'\(folder)/config.json' has no '\(key)'")
            }
            return value
        }
        shape = PretrainedEncoder.Shape(
            width: try size("hidden_size"), layers: try size("num_hidden_layers"),
            heads: try size("num_attention_heads"), hidden: try size("intermediate_size"),
            places: try size("max_position_embeddings"),
            epsilon: Float(config["layer_norm_eps"]?.doubleValue ?? 1e-12))
        guard shape.width % shape.heads == 0 else {
            throw MLError(.corrupt, "'\(folder)/config.json': the heads do not divide the width")
        }
        let all = try SafeTensors.decode(try read("model.safetensors"), name: folder + "/model.safetensors")
        // Some files carry the tensors under the name of a whole task.
        tensors = Dictionary(
            all.map { ($0.key.hasPrefix("bert.") ? String($0.key.dropFirst(5)) : $0.key, $0.value) },
            uniquingKeysWith: { first, _ in first })
        (pieces, isLowercase) = try PretrainedFile.vocabulary(folder, read)
        let rows = try tensor("embeddings.word_embeddings.weight", nil, shape.width).rows
        guard rows == pieces.count else {
            throw MLError(.corrupt, "'\(folder)': the vocabulary has \(pieces.count) pieces, the weights \(rows)")
        }
    }

    private static func vocabulary(_ folder: String, _ read: (String) throws -> [UInt8]) throws -> ([String], Bool) {
        guard let bytes = try? read("tokenizer.json") else {
            guard let text = String(validating: try read("vocab.txt"), as: UTF8.self) else {
                throw MLError(.corrupt, "'\(folder)/vocab.txt' is not UTF-8")
            }
            let pieces = text.utf8.split(separator: 10).map { part in
                String(Substring(part.last == 13 ? part.dropLast() : part))
            }
            let options = (try? read("tokenizer_config.json")).flatMap { try? JSON(parsing: $0) }
            return (pieces, options?["do_lower_case"]?.boolValue ?? true)
        }
        let document = try JSON(parsing: bytes)
        guard document["model"]?["type"]?.stringValue ?? "WordPiece" == "WordPiece",
            let entries = document["model"]?["vocab"]?.objectValue
        else { throw MLError(.invalidInput, "'\(folder)/tokenizer.json' holds no WordPiece vocabulary") }
        var pieces = [String?](repeating: nil, count: entries.pairs.count)
        for (piece, number) in entries.pairs {
            guard let place = number.intValue, pieces.indices.contains(place) else {
                throw MLError(.corrupt, "'\(folder)/tokenizer.json': the piece '\(piece)' has no place")
            }
            pieces[place] = piece
        }
        guard pieces.allSatisfy({ $0 != nil }) else {
            throw MLError(.corrupt, "'\(folder)/tokenizer.json': two pieces have one place")
        }
        return (pieces.compactMap { $0 }, document["normalizer"]?["lowercase"]?.boolValue ?? true)
    }

    private func tensor(_ name: String, _ rows: Int?, _ columns: Int) throws -> Matrix {
        guard let value = tensors[name] else { throw MLError(.corrupt, "the pretrained weights lack '\(name)'") }
        guard value.columns == columns, rows.map({ $0 == value.rows }) ?? true else {
            throw MLError(
                .corrupt,
                "the pretrained weights' '\(name)' is \(value.rows) x \(value.columns), expected "
                    + "\(rows.map(String.init) ?? "any") x \(columns)")
        }
        return value
    }

    /// Row 0 stands for pieces nobody knows; row i + 1 is piece i.
    func table() throws -> Matrix {
        let words = try tensor("embeddings.word_embeddings.weight", pieces.count, shape.width)
        let unknown = pieces.firstIndex(of: "[UNK]") ?? 0
        let first = words.values[unknown * shape.width..<(unknown + 1) * shape.width]
        return Matrix(rows: words.rows + 1, columns: shape.width, values: Array(first) + words.values)
    }

    func encoder(isFrozen: Bool) throws -> PretrainedEncoder {
        var encoder = PretrainedEncoder(shape, isFrozen: isFrozen)
        let width = shape.width
        let words = try tensor("embeddings.word_embeddings.weight", pieces.count, width)
        func row(_ piece: String) throws -> ArraySlice<Float> {
            guard let place = pieces.firstIndex(of: piece) else {
                throw MLError(.corrupt, "the pretrained vocabulary lacks '\(piece)'")
            }
            return words.values[place * width..<(place + 1) * width]
        }
        // Python keeps weights as outputs × inputs.
        func dense(_ name: String, _ inputs: Int, _ outputs: Int) throws -> [Matrix] {
            let weight = try tensor(name + ".weight", outputs, inputs)
            var turned = Matrix(inputs, outputs)
            for input in 0..<inputs { for output in 0..<outputs { turned[input, output] = weight[output, input] } }
            return [turned, try tensor(name + ".bias", 1, outputs)]
        }
        func norm(_ name: String) throws -> [Matrix] {
            // Old files have TensorFlow's names.
            let old = tensors[name + ".gamma"] != nil
            return [
                try tensor(name + (old ? ".gamma" : ".weight"), 1, width),
                try tensor(name + (old ? ".beta" : ".bias"), 1, width),
            ]
        }
        let kinds = try tensor("embeddings.token_type_embeddings.weight", nil, width)
        var values = [
            try tensor("embeddings.position_embeddings.weight", shape.places, width),
            Matrix(rows: 1, columns: width, values: Array(kinds.values.prefix(width))),
            Matrix(rows: 2, columns: width, values: Array(try row("[CLS]")) + Array(try row("[SEP]"))),
        ]
        values += try norm("embeddings.LayerNorm")
        for layer in 0..<shape.layers {
            let name = "encoder.layer.\(layer)."
            for part in [
                "attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense",
            ] {
                values += try dense(name + part, width, width)
            }
            values += try norm(name + "attention.output.LayerNorm")
            values += try dense(name + "intermediate.dense", width, shape.hidden)
            values += try dense(name + "output.dense", shape.hidden, width)
            values += try norm(name + "output.LayerNorm")
        }
        encoder.parameters = zip(encoder.parameters, values).map { Parameter($0.name, $1) }
        return encoder
    }
}
