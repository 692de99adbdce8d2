import Base
import Pipelines
import TextModels

/// A params file: the model, its training, its data.
struct ModelParams {
    var spec: ModelSpec
    var training: TrainingSpec
    var places: DataParams

    init(_ path: String) throws {
        let document = try Params.load(Files.read(path), name: path)
        spec = try ModelSpec(document["model"] ?? .null)
        training = try TrainingSpec(document["training"] ?? .null)
        places = try DataParams(document["data"] ?? .null, name: path)
    }
}

/// `data:` in the params: which files, and which columns.
struct DataParams {
    var train: [String]
    var dev: [String]
    var test: [String]
    var textColumn: String
    var labelColumn: String
    /// The column of the second text of a pair.
    var pairColumn: String?

    init(_ json: JSON, name: String) throws {
        func list(_ key: String) throws -> [String] {
            switch json[key] {
            case nil, .null?: return []
            case .string(let path)?: return [path]
            case .array(let items)?:
                let paths = items.compactMap(\.stringValue)
                if paths.count == items.count { return paths }
            default: break
            }
            throw MLError(.invalidInput, "'\(name)': 'data.\(key)' must be a path or a list of paths")
        }
        let known = ["train", "dev", "test", "text", "label", "pair"]
        for key in json.objectValue?.keys ?? [] where !known.contains(key) {
            throw MLError(
                .invalidInput, "'\(name)': unknown key 'data.\(key)'",
                hint: NearestName.find(key, in: known).map { "did you mean '\($0)'?" }
                    ?? "known here: \(known.joined(separator: ", "))")
        }
        train = try list("train")
        dev = try list("dev")
        test = try list("test")
        textColumn = json["text"]?.stringValue ?? "text"
        labelColumn = json["label"]?.stringValue ?? "label"
        pairColumn = json["pair"]?.stringValue
        if train.isEmpty {
            throw MLError(
                .invalidInput, "'\(name)' does not say where the training data is",
                hint: "data: {train: data/train.tsv}")
        }
        if dev.isEmpty {
            throw MLError(
                .invalidInput, "'\(name)' does not say where the dev data is", hint: "data: {dev: data/dev.tsv}")
        }
    }

    var json: JSON {
        var out: JSONObject = [
            "train": JSON(train), "dev": JSON(dev), "test": JSON(test), "text": .string(textColumn),
            "label": .string(labelColumn),
        ]
        if let pairColumn { out["pair"] = .string(pairColumn) }
        return .object(out)
    }
}
