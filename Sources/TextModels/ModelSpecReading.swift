import Base

extension ModelSpec {
    /// The names of all layers; a version is added with a dot.
    public static let layers: [(line: String, names: [String])] = [
        ("embed", ["ngrams", "words", "subwords", "multihash", "hashed", "pieces", "pretrained"]),
        ("encode", ["none", "cnn", "convolutions", "maxout", "bilstm", "bigru", "transformer"]),
        ("attend", ["mean", "max", "last", "context", "heads", "hierarchical", "align"]),
        ("predict", ["softmax", "sigmoid", "regression"]),
    ]

    /// - Throws: `MLError(.invalidInput)` naming the key and the nearest known one.
    public init(_ json: JSON) throws {
        var reader = try OptionReader(json, at: "model")
        let (embed, vectors) = try ModelSpec.embed(&reader)
        self.init(embed: embed, vectors: vectors)
        let width: Int? = if case .words(let width, _, _) = embed { width } else { nil }
        encode = try ModelSpec.encode(&reader, width: width)
        attend = try ModelSpec.attend(&reader)
        predict = try ModelSpec.predict(&reader)
        try reader.finish()
        if case .ngrams = embed {
            guard encode == .none, attend == .mean else {
                throw MLError(
                    .invalidInput, "model: 'ngrams' has no word vectors to encode or attend to",
                    hint: "use 'embed: words', or leave out encode and attend")
            }
            guard predict.output == .softmax, predict.hidden.isEmpty, predict.smoothing == 0 else {
                throw MLError(
                    .invalidInput, "model: 'ngrams' predicts by softmax, with no hidden layers and no smoothing",
                    hint: "use 'embed: words' for the others")
            }
        }
        if case .align = attend {
            switch vectors.source {
            case .pieces, .pretrained:
                throw MLError(
                    .invalidInput, "'align' compares words, and these vectors are those of pieces of words",
                    hint: "use 'embed: words', 'subwords', 'multihash' or 'hashed'")
            default: break
            }
        }
        if case .pretrained = vectors.source, encode != .none {
            throw MLError(
                .invalidInput, "model: 'pretrained' encodes by itself", hint: "leave out encode")
        }
    }

    private static func embed(_ reader: inout OptionReader) throws -> (Embed, Vectors) {
        var line = try reader.layer("embed", required: true)
        let name = try line.name(layers[0].names)
        if name == "ngrams" {
            let embed = Embed.ngrams(
                n: try line.integer("n", default: 2, in: 1...3),
                minimumCount: try line.integer("min_count", default: 2, in: 1...1_000_000))
            try line.finish()
            return (embed, Vectors())
        }
        var vectors = Vectors()
        var width = 0
        var minimumCount = 1
        if name == "pretrained" {
            vectors.source = .pretrained(folder: try line.text("path", default: nil))
            vectors.isFrozen = try line.flag("frozen", default: true)
            let tokens = try line.integer("max_tokens", default: 256, in: 8...100_000)
            try line.finish()
            return (.words(width: 0, minimumCount: 1, maximumTokens: tokens), vectors)
        }
        width = try line.integer("width", default: 64, in: 1...4096)
        switch name {
        case "subwords":
            minimumCount = try line.integer("min_count", default: 2, in: 1...1_000_000)
            let shortest = try line.integer("min_n", default: 3, in: 1...10)
            vectors.source = .subwords(
                buckets: try line.integer("buckets", default: 50_000, in: 1...100_000_000), shortest: shortest,
                longest: try line.integer("max_n", default: max(6, shortest), in: shortest...12))
        case "multihash":
            vectors.source = .multihash(
                rows: try line.integer("rows", default: 5000, in: 1...100_000_000),
                pieces: try line.integer("pieces", default: 3, in: 1...16))
        case "hashed":
            vectors.source = .hashed(buckets: try line.integer("buckets", default: 50_000, in: 1...100_000_000))
        case "pieces": vectors.source = .pieces(file: try line.text("path", default: nil))
        default:
            minimumCount = try line.integer("min_count", default: 2, in: 1...1_000_000)
            if line.has("vectors") { vectors.source = .table(file: try line.text("vectors", default: nil)) }
        }
        let tokens = try line.integer("max_tokens", default: 256, in: 8...100_000)
        vectors.isFrozen = try line.flag("frozen", default: false)
        // How pieces are cut their own file says.
        if name != "pieces" { vectors.isLowercase = try line.flag("lowercase", default: true) }
        vectors.positions =
            Vectors.Positions(
                rawValue: try line.choice("positions", Vectors.Positions.allCases.map(\.rawValue))) ?? .none
        try line.finish()
        return (.words(width: width, minimumCount: minimumCount, maximumTokens: tokens), vectors)
    }

    private static func encode(_ reader: inout OptionReader, width: Int?) throws -> Encode {
        var line = try reader.layer("encode", required: false)
        let encode: Encode
        switch try line.name(layers[1].names) {
        case "cnn":
            encode = .cnn(
                window: try line.integer("window", default: 3, in: 1...15) | 1,
                width: try line.integer("width", default: 64, in: 1...4096))
        case "convolutions":
            encode = .convolutions(
                windows: try line.integers("windows", default: [3, 5, 7], in: 1...15).map { $0 | 1 },
                width: try line.integer("width", default: 64, in: 1...4096))
        case "maxout":
            encode = .maxout(
                window: try line.integer("window", default: 1, in: 1...7),
                depth: try line.integer("depth", default: 4, in: 1...32),
                pieces: try line.integer("pieces", default: 3, in: 1...16))
        case "bilstm":
            encode = .bilstm(
                width: try line.integer("width", default: 64, in: 1...2048),
                layers: try line.integer("layers", default: 1, in: 1...8))
        case "bigru":
            encode = .bigru(
                width: try line.integer("width", default: 64, in: 1...2048),
                layers: try line.integer("layers", default: 1, in: 1...8))
        case "transformer":
            let heads = try line.integer("heads", default: 4, in: 1...64)
            if let width, width % heads != 0 {
                throw MLError(
                    .invalidInput,
                    "'model.encode.heads' must divide the width of the vectors: \(width) is no multiple "
                        + "of \(heads)")
            }
            encode = .transformer(
                heads: heads, layers: try line.integer("layers", default: 2, in: 1...48),
                hidden: try line.integer("hidden", default: 4 * (width ?? 64), in: 1...65_536))
        default: encode = .none
        }
        try line.finish()
        return encode
    }

    private static func attend(_ reader: inout OptionReader) throws -> Attend {
        var line = try reader.layer("attend", required: false)
        let attend: Attend
        switch try line.name(layers[2].names) {
        case "context": attend = .context(width: try line.integer("width", default: 64, in: 1...4096))
        case "heads":
            attend = .heads(
                width: try line.integer("width", default: 64, in: 1...4096),
                heads: try line.integer("heads", default: 4, in: 1...64))
        case "hierarchical": attend = .hierarchical(width: try line.integer("width", default: 64, in: 1...2048))
        case "align": attend = .align(width: try line.integer("width", default: 64, in: 1...4096))
        case "last": attend = .last
        case "max": attend = .max
        default: attend = .mean
        }
        try line.finish()
        return attend
    }

    private static func predict(_ reader: inout OptionReader) throws -> Predict {
        var line = try reader.layer("predict", required: false)
        var predict = Predict(Predict.Output(rawValue: try line.name(layers[3].names)) ?? .softmax)
        predict.hidden = try line.integers("hidden", default: [], in: 1...65_536)
        predict.smoothing =
            predict.output == .softmax ? try line.number("smoothing", default: 0, in: 0...0.9) : 0
        predict.isCalibrated = predict.output == .softmax ? try line.flag("calibrate", default: false) : false
        try line.finish()
        return predict
    }

    /// The specification with all defaults written out.
    public var json: JSON {
        var out = JSONObject()
        out["embed"] = embedJSON
        if case .words = embed {
            out["encode"] = encodeJSON
            out["attend"] = attendJSON
        }
        var line: JSONObject = ["layer": .string(predict.output.rawValue + ".v1")]
        if !predict.hidden.isEmpty { line["hidden"] = .array(predict.hidden.map { JSON($0) }) }
        if predict.smoothing > 0 { line["smoothing"] = JSON(predict.smoothing) }
        if predict.isCalibrated { line["calibrate"] = true }
        out["predict"] = .object(line)
        return .object(out)
    }

    private var embedJSON: JSON {
        guard case .words(let width, let minimum, let tokens) = embed else {
            if case .ngrams(let n, let minimum) = embed {
                return ["layer": "ngrams.v1", "n": JSON(n), "min_count": JSON(minimum)]
            }
            return .null
        }
        var line = JSONObject()
        switch vectors.source {
        case .table(let file):
            line = ["layer": "words.v1", "width": JSON(width), "min_count": JSON(minimum)]
            if let file { line["vectors"] = .string(file) }
        case .subwords(let buckets, let shortest, let longest):
            line = [
                "layer": "subwords.v1", "width": JSON(width), "min_count": JSON(minimum), "buckets": JSON(buckets),
                "min_n": JSON(shortest), "max_n": JSON(longest),
            ]
        case .multihash(let rows, let pieces):
            line = ["layer": "multihash.v1", "width": JSON(width), "rows": JSON(rows), "pieces": JSON(pieces)]
        case .hashed(let buckets): line = ["layer": "hashed.v1", "width": JSON(width), "buckets": JSON(buckets)]
        case .pieces(let file): line = ["layer": "pieces.v1", "width": JSON(width), "path": .string(file)]
        case .pretrained(let folder):
            return [
                "layer": "pretrained.v1", "path": .string(folder), "max_tokens": JSON(tokens),
                "frozen": .bool(vectors.isFrozen),
            ]
        }
        line["max_tokens"] = JSON(tokens)
        if vectors.isFrozen { line["frozen"] = true }
        if !vectors.isLowercase { line["lowercase"] = false }
        if vectors.positions != .none { line["positions"] = .string(vectors.positions.rawValue) }
        return .object(line)
    }

    private var encodeJSON: JSON {
        switch encode {
        case .none: ["layer": "none.v1"]
        case .cnn(let window, let width): ["layer": "cnn.v1", "window": JSON(window), "width": JSON(width)]
        case .convolutions(let windows, let width):
            ["layer": "convolutions.v1", "windows": .array(windows.map { JSON($0) }), "width": JSON(width)]
        case .maxout(let window, let depth, let pieces):
            ["layer": "maxout.v1", "window": JSON(window), "depth": JSON(depth), "pieces": JSON(pieces)]
        case .bilstm(let width, let layers): ["layer": "bilstm.v1", "width": JSON(width), "layers": JSON(layers)]
        case .bigru(let width, let layers): ["layer": "bigru.v1", "width": JSON(width), "layers": JSON(layers)]
        case .transformer(let heads, let layers, let hidden):
            ["layer": "transformer.v1", "heads": JSON(heads), "layers": JSON(layers), "hidden": JSON(hidden)]
        }
    }

    private var attendJSON: JSON {
        switch attend {
        case .context(let width): ["layer": "context.v1", "width": JSON(width)]
        case .mean: ["layer": "mean.v1"]
        case .max: ["layer": "max.v1"]
        case .last: ["layer": "last.v1"]
        case .heads(let width, let heads): ["layer": "heads.v1", "width": JSON(width), "heads": JSON(heads)]
        case .hierarchical(let width): ["layer": "hierarchical.v1", "width": JSON(width)]
        case .align(let width): ["layer": "align.v1", "width": JSON(width)]
        }
    }
}
