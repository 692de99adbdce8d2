import Base

/// A model in four lines: what embeds, encodes, attends and predicts.
///
/// Written as `model:` in the params; each line is a layer's name or a mapping with `layer:` and its options.
public struct ModelSpec: Hashable, Sendable {
    /// How text becomes numbers.
    public enum Embed: Hashable, Sendable {
        /// Presence of n-grams, weighted by naive Bayes log-count ratios: the linear baseline (Wang & Manning 2012).
        case ngrams(n: Int, minimumCount: Int)
        /// A learned vector a word.
        case words(width: Int, minimumCount: Int, maximumTokens: Int)
    }

    /// How vectors see their neighbours.
    public enum Encode: Hashable, Sendable {
        case none
        /// One convolution over a window of words, rectified, added to its input where widths agree.
        case cnn(window: Int, width: Int)
        /// A long short-term memory in both directions, `width` units each.
        case bilstm(width: Int)
    }

    /// How a sequence becomes one vector.
    public enum Attend: Hashable, Sendable {
        /// A learned context vector (Yang et al. 2016, equations 5 to 7).
        case context(width: Int)
        case mean
        case max
    }

    public var embed: Embed
    public var encode: Encode
    public var attend: Attend

    public init(embed: Embed, encode: Encode = .none, attend: Attend = .mean) {
        self.embed = embed
        self.encode = encode
        self.attend = attend
    }

    /// - Throws: `MLError(.invalidInput)` naming the key and the nearest known one.
    public init(_ json: JSON) throws {
        var reader = try OptionReader(json, at: "model")
        var embed = try reader.layer("embed", required: true)
        switch try embed.name(["ngrams", "words"]) {
        case "ngrams":
            self.embed = .ngrams(
                n: try embed.integer("n", default: 2, in: 1...3),
                minimumCount: try embed.integer("min_count", default: 2, in: 1...1_000_000))
        default:
            self.embed = .words(
                width: try embed.integer("width", default: 64, in: 1...4096),
                minimumCount: try embed.integer("min_count", default: 2, in: 1...1_000_000),
                maximumTokens: try embed.integer("max_tokens", default: 256, in: 8...100_000))
        }
        try embed.finish()

        var encode = try reader.layer("encode", required: false)
        switch try encode.name(["none", "cnn", "bilstm"]) {
        case "cnn":
            self.encode = .cnn(
                window: try encode.integer("window", default: 3, in: 1...15),
                width: try encode.integer("width", default: 64, in: 1...4096))
        case "bilstm": self.encode = .bilstm(width: try encode.integer("width", default: 64, in: 1...2048))
        default: self.encode = .none
        }
        try encode.finish()

        var attend = try reader.layer("attend", required: false)
        switch try attend.name(["mean", "max", "context"]) {
        case "context": self.attend = .context(width: try attend.integer("width", default: 64, in: 1...4096))
        case "max": self.attend = .max
        default: self.attend = .mean
        }
        try attend.finish()

        var predict = try reader.layer("predict", required: false)
        _ = try predict.name(["softmax"])
        try predict.finish()
        try reader.finish()
        if case .ngrams = self.embed, self.encode != .none || self.attend != .mean {
            throw MLError(
                .invalidInput, "model: 'ngrams' has no word vectors to encode or attend to",
                hint: "use 'embed: words', or leave out encode and attend")
        }
    }

    /// The specification with all defaults written out.
    public var json: JSON {
        var out = JSONObject()
        switch embed {
        case .ngrams(let n, let minimum): out["embed"] = ["layer": "ngrams", "n": JSON(n), "min_count": JSON(minimum)]
        case .words(let width, let minimum, let tokens):
            out["embed"] = [
                "layer": "words", "width": JSON(width), "min_count": JSON(minimum), "max_tokens": JSON(tokens),
            ]
            switch encode {
            case .none: out["encode"] = "none"
            case .cnn(let window, let width):
                out["encode"] = ["layer": "cnn", "window": JSON(window), "width": JSON(width)]
            case .bilstm(let width): out["encode"] = ["layer": "bilstm", "width": JSON(width)]
            }
            switch attend {
            case .context(let width): out["attend"] = ["layer": "context", "width": JSON(width)]
            case .mean: out["attend"] = "mean"
            case .max: out["attend"] = "max"
            }
        }
        out["predict"] = "softmax"
        return .object(out)
    }
}

/// How a model is trained: `training:` in the params.
public struct TrainingSpec: Hashable, Sendable {
    /// The most passes over the training texts.
    public var epochs: Int
    /// Texts a step.
    public var batch: Int
    /// Adam's first step size (Kingma & Ba 2015); it falls in a line to zero over all epochs.
    public var learningRate: Double
    /// Share of words, and of units of the text's vector, dropped in training.
    public var dropout: Double
    /// Epochs without a lower dev loss before training stops.
    public var patience: Int
    public var seed: UInt64
    /// Inverse strengths of the linear model's L2 penalty to choose from by dev loss.
    public var strengths: [Double]

    /// - Throws: `MLError(.invalidInput)` naming the key and the nearest known one.
    public init(_ json: JSON = .object([:])) throws {
        var reader = try OptionReader(json, at: "training")
        epochs = try reader.integer("epochs", default: 5, in: 1...100_000)
        batch = try reader.integer("batch", default: 64, in: 1...65_536)
        learningRate = try reader.number("learning_rate", default: 0.002, in: 1e-9...10)
        dropout = try reader.number("dropout", default: 0.3, in: 0...0.95)
        patience = try reader.integer("patience", default: 2, in: 1...100_000)
        seed = UInt64(try reader.integer("seed", default: 1, in: 0...Int(Int32.max)))
        strengths = try reader.numbers("strengths", default: [0.03, 0.1, 0.3, 1])
        try reader.finish()
    }

    public var json: JSON {
        [
            "epochs": JSON(epochs), "batch": JSON(batch), "learning_rate": JSON(learningRate), "dropout": JSON(dropout),
            "patience": JSON(patience), "seed": JSON(Int(seed)), "strengths": JSON(strengths),
        ]
    }
}
