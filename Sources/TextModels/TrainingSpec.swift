import Base

/// How a model is trained: `training:` in the params.
public struct TrainingSpec: Hashable, Sendable {
    /// What moves the weights.
    public enum Optimiser: String, Hashable, Sendable, CaseIterable {
        /// Kingma & Ba 2015, algorithm 1.
        case adam
        /// Loshchilov & Hutter 2019, algorithm 2: decay apart from the gradient.
        case adamw
        /// Gradient descent with momentum 0.9.
        case sgd
    }

    /// How the step size moves over all steps.
    public enum Schedule: String, Hashable, Sendable, CaseIterable {
        /// In a line to zero.
        case linear
        /// Half a cosine to zero (Loshchilov & Hutter 2017, equation 5).
        case cosine
        case constant
    }

    /// What a class's loss is multiplied by.
    public enum ClassWeights: Hashable, Sendable {
        case none
        /// n / (classes · n of the class).
        case balanced
        case given([String: Double])

        /// The factors in the order of labels; nil: all 1.
        ///
        /// - Parameter counts: texts of each label.
        /// - Throws: `MLError(.invalidInput)` for a label that is none.
        func weights(labels: [String], counts: [Double]) throws -> [Float]? {
            switch self {
            case .none: return nil
            case .balanced:
                let all = counts.reduce(0, +)
                return counts.map { Float(all / (Double(counts.count) * max(1, $0))) }
            case .given(let weights):
                for label in weights.keys.sorted() where !labels.contains(label) {
                    throw MLError(
                        .invalidInput,
                        "'training.class_weights' names '\(label)', which is no label of the training data",
                        hint: "its labels are: \(labels.joined(separator: ", "))")
                }
                return labels.map { Float(weights[$0] ?? 1) }
            }
        }
    }

    /// The most passes over the training texts.
    public var epochs: Int
    /// Texts a step.
    public var batch: Int
    /// Batches whose gradients are added before a step.
    public var accumulate: Int
    /// The first step size.
    public var learningRate: Double
    public var optimiser: Optimiser
    /// Share of itself a weight loses for each unit of step size (`adamw`).
    public var weightDecay: Double
    public var schedule: Schedule
    /// How often the schedule is run through (Loshchilov & Hutter 2017, "warm restarts").
    public var cycles: Int
    /// Share of all steps in which the step size rises from zero.
    public var warmup: Double
    /// Gradients together longer than this are shortened to it (Pascanu et al. 2013); 0: never.
    public var clip: Double
    /// Share of units of the text's vector dropped in training, and of words where nothing else is said.
    public var dropout: Double
    /// Share of words dropped.
    public var wordDropout: Double
    /// Share of values of the words' vectors dropped.
    public var embeddingDropout: Double
    /// Epochs without a lower dev loss before training stops.
    public var patience: Int
    public var seed: UInt64
    public var classWeights: ClassWeights
    /// Steps between two lines of the log of steps.
    public var logEvery: Int
    /// Epochs at the end whose weights are averaged (Izmailov et al. 2018); 0: the best epoch is kept.
    public var averageLast: Int
    /// Inverse strengths of the linear model's L2 penalty to choose from by dev loss.
    public var strengths: [Double]

    /// - Throws: `MLError(.invalidInput)` naming the key and the nearest known one.
    public init(_ json: JSON = .object([:])) throws {
        var reader = try OptionReader(json, at: "training")
        epochs = try reader.integer("epochs", default: 5, in: 1...100_000)
        batch = try reader.integer("batch", default: 64, in: 1...65_536)
        accumulate = try reader.integer("accumulate", default: 1, in: 1...65_536)
        learningRate = try reader.number("learning_rate", default: 0.002, in: 1e-9...10)
        optimiser =
            Optimiser(rawValue: try reader.choice("optimiser", Optimiser.allCases.map(\.rawValue))) ?? .adam
        weightDecay = try reader.number("weight_decay", default: 0.01, in: 0...10)
        schedule = Schedule(rawValue: try reader.choice("schedule", Schedule.allCases.map(\.rawValue))) ?? .linear
        cycles = try reader.integer("cycles", default: 1, in: 1...10_000)
        warmup = try reader.number("warmup", default: 0, in: 0...0.9)
        clip = try reader.number("clip", default: 5, in: 0...1e9)
        dropout = try reader.number("dropout", default: 0.3, in: 0...0.95)
        wordDropout = try reader.number("word_dropout", default: dropout, in: 0...0.95)
        embeddingDropout = try reader.number("embedding_dropout", default: 0, in: 0...0.95)
        patience = try reader.integer("patience", default: 2, in: 1...100_000)
        seed = UInt64(try reader.integer("seed", default: 1, in: 0...Int(Int32.max)))
        classWeights = try TrainingSpec.classWeights(&reader)
        logEvery = try reader.integer("log_every", default: 50, in: 1...1_000_000)
        averageLast = try reader.integer("average_last", default: 0, in: 0...10_000)
        strengths = try reader.numbers("strengths", default: [0.03, 0.1, 0.3, 1])
        try reader.finish()
    }

    private static func classWeights(_ reader: inout OptionReader) throws -> ClassWeights {
        switch reader.value("class_weights") {
        case nil, .null?: return .none
        case .string("balanced")?: return .balanced
        case .object(let object)?:
            var weights: [String: Double] = [:]
            for (label, value) in object.pairs {
                guard let number = value.doubleValue, number > 0, number < 1e9 else {
                    throw MLError(.invalidInput, "'training.class_weights.\(label)' must be a positive number")
                }
                weights[label] = number
            }
            return .given(weights)
        case let value?:
            throw MLError(
                .invalidInput,
                "'training.class_weights' must be 'balanced' or a mapping of labels, not \(value.compact())")
        }
    }

    public var json: JSON {
        var out: JSONObject = [
            "epochs": JSON(epochs), "batch": JSON(batch), "accumulate": JSON(accumulate),
            "learning_rate": JSON(learningRate), "optimiser": .string(optimiser.rawValue),
            "weight_decay": JSON(weightDecay), "schedule": .string(schedule.rawValue), "warmup": JSON(warmup),
            "clip": JSON(clip), "dropout": JSON(dropout), "word_dropout": JSON(wordDropout),
            "embedding_dropout": JSON(embeddingDropout), "patience": JSON(patience), "seed": JSON(Int(seed)),
            "log_every": JSON(logEvery), "average_last": JSON(averageLast), "strengths": JSON(strengths),
        ]
        // Left out where it says nothing: the bytes of earlier models stay what they were.
        if cycles > 1 { out["cycles"] = JSON(cycles) }
        switch classWeights {
        case .none: break
        case .balanced: out["class_weights"] = "balanced"
        case .given(let weights):
            let sorted = weights.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            out["class_weights"] = .object(JSONObject(sorted.map { ($0.key, JSON($0.value)) }))
        }
        return .object(out)
    }

    /// The step size after a share of all steps.
    func rate(at share: Double) -> Double {
        let turn = share * Double(cycles)
        let share = cycles == 1 ? share : turn - turn.rounded(.down)
        if share < warmup { return learningRate * share / warmup }
        let rest = (share - warmup) / max(1e-12, 1 - warmup)
        switch schedule {
        case .linear: return learningRate * (1 - rest)
        case .cosine: return learningRate * 0.5 * (1 + cosine(rest))
        case .constant: return learningRate
        }
    }
}
