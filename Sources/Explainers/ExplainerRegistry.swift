import Base

/// What a user may set; nil leaves a method its own default. Methods ignore what does not concern them.
public struct ExplainerOptions: Sendable {
    /// Random variants of the text.
    public var samples: Int?
    /// Nodes of a path integral.
    public var steps: Int?
    public var seed: UInt64?
    public var generator: LIME.Generator?
    /// Words in a local model.
    public var features: Int?
    public var selection: LIME.Selection?
    /// Refine until the convergence delta is at most this.
    public var tolerance: Double?

    public init(
        samples: Int? = nil, steps: Int? = nil, seed: UInt64? = nil, generator: LIME.Generator? = nil,
        features: Int? = nil, selection: LIME.Selection? = nil, tolerance: Double? = nil
    ) {
        self.samples = samples
        self.steps = steps
        self.seed = seed
        self.generator = generator
        self.features = features
        self.selection = selection
        self.tolerance = tolerance
    }
}

/// The methods by name.
public enum ExplainerRegistry {
    /// One method: its name on the command line, a line about it, and how to make it.
    public struct Entry: Sendable {
        public let name: String
        public let summary: String
        /// The model must be a `GradientPredictor`.
        public let needsGradients: Bool
        let make: @Sendable (ExplainerOptions) -> any Explainer
    }

    /// All methods, in the order they are listed to users.
    public static let entries: [Entry] = [
        Entry(name: "lime", summary: "local linear model over hidden words", needsGradients: false) { options in
            var method = LIME()
            if let samples = options.samples { method.samples = samples }
            if let features = options.features { method.features = features }
            if let selection = options.selection { method.selection = selection }
            if let seed = options.seed { method.seed = seed }
            if let generator = options.generator { method.generator = generator }
            return method
        },
        Entry(name: "ig", summary: "integrated gradients from the zero embedding", needsGradients: true) { options in
            var method = IntegratedGradients()
            if let steps = options.steps { method.steps = steps }
            method.tolerance = options.tolerance
            return method
        },
    ]

    /// The method of this name with these options.
    ///
    /// - Throws: `usage` for an unknown name, with the nearest one as a hint.
    public static func explainer(_ name: String, options: ExplainerOptions = .init()) throws -> any Explainer {
        guard let entry = entries.first(where: { $0.name == name }) else {
            throw unknown("method", name, known: entries.map(\.name))
        }
        return entry.make(options)
    }

    /// The word selection of this name; `usage` when there is none.
    public static func selection(_ name: String) throws -> LIME.Selection {
        guard let selection = LIME.Selection(rawValue: name) else {
            throw unknown("selection", name, known: LIME.Selection.allCases.map(\.rawValue))
        }
        return selection
    }

    /// The random generator of this name; `usage` when there is none.
    public static func generator(_ name: String) throws -> LIME.Generator {
        guard let generator = LIME.Generator(rawValue: name) else {
            throw unknown("random generator", name, known: LIME.Generator.allCases.map(\.rawValue))
        }
        return generator
    }

    private static func unknown(_ kind: String, _ name: String, known: [String]) -> MLError {
        var hints = ["known are \(known.map { "'\($0)'" }.joined(separator: ", "))"]
        if let near = NearestName.find(name, in: known) { hints.insert("did you mean '\(near)'?", at: 0) }
        return MLError(.usage, "unknown \(kind) '\(name)'", hints: hints)
    }
}
