import Base

/// The methods by name.
public enum ExplainerRegistry {
    /// What a method asks of the model besides `Predictor`.
    public enum Need: Sendable {
        case nothing
        /// `GradientPredictor`.
        case gradients
        /// `LinearPredictor`.
        case linearForm
    }

    /// One method: its name on the command line, a line about it, and how to make it.
    public struct Entry: Sendable {
        public let name: String
        public let summary: String
        public let need: Need
        let make: @Sendable (ExplainerOptions) -> any Explainer

        init(
            _ name: String, _ summary: String, need: Need = .nothing,
            make: @escaping @Sendable (ExplainerOptions) -> any Explainer
        ) {
            self.name = name
            self.summary = summary
            self.need = need
            self.make = make
        }
    }

    /// Names for what most people mean by them.
    public static let aliases = ["shap": "partition"]

    /// All methods, in the order they are listed to users.
    public static let entries: [Entry] = [
        Entry("lime", "local linear model over hidden words") { options in
            var method = LIME()
            if let samples = options.samples { method.samples = samples }
            if let features = options.features { method.features = features }
            if let selection = options.selection { method.selection = selection }
            if let seed = options.seed { method.seed = seed }
            if let generator = options.generator { method.generator = generator }
            return method
        },
        Entry("ig", "integrated gradients from the zero embedding", need: .gradients) { options in
            var method = IntegratedGradients()
            if let steps = options.steps { method.steps = steps }
            method.tolerance = options.tolerance
            return method
        },
        Entry("partition", "Owen values down the text's phrases ('shap')") { options in
            var method = PartitionShapley(masking: options.masking)
            if let samples = options.samples { method.samples = samples }
            if let context = options.context { method.context = context }
            if let seed = options.seed { method.seed = seed }
            if let generator = options.generator { method.source = generator }
            return method
        },
        Entry("kernel", "Shapley values by weighted least squares") { options in
            var method = KernelShapley(tolerance: options.tolerance, masking: options.masking)
            method.samples = options.samples
            if let seed = options.seed { method.seed = seed }
            if let generator = options.generator { method.source = generator }
            return method
        },
        Entry("permutation", "Shapley values over random orders, there and back") { options in
            var method = PermutationShapley(tolerance: options.tolerance, masking: options.masking)
            if let samples = options.samples { method.samples = samples }
            if let seed = options.seed { method.seed = seed }
            if let generator = options.generator { method.source = generator }
            return method
        },
        Entry("sampling", "Shapley values over random orders") { options in
            var method = SampledShapley(tolerance: options.tolerance, masking: options.masking)
            if let samples = options.samples { method.samples = samples }
            if let seed = options.seed { method.seed = seed }
            if let generator = options.generator { method.source = generator }
            return method
        },
        Entry("exact", "Shapley values of short texts by their definition") { ExactShapley(masking: $0.masking) },
        Entry("linear", "Shapley values of a linear model in closed form", need: .linearForm) {
            LinearShapley(background: $0.background ?? [])
        },
        Entry("occlusion", "a window of hidden words slides over the text") { options in
            var method = Occlusion(masking: options.masking)
            if let window = options.window {
                method.window = window
                method.stride = min(method.stride, window)
            }
            if let stride = options.stride { method.stride = stride }
            return method
        },
        Entry("ablation", "each word hidden alone") { Ablation(masking: $0.masking) },
        Entry("anchors", "words that fix the prediction whatever else is hidden") { options in
            var method = Anchors(masking: options.masking)
            if let samples = options.samples { method.samples = samples }
            if let threshold = options.threshold { method.threshold = threshold }
            if let beam = options.beam { method.beam = beam }
            if let seed = options.seed { method.seed = seed }
            return method
        },
    ]

    /// The method of this name or alias with these options.
    ///
    /// - Throws: `usage` for an unknown name, with the nearest one as a hint.
    public static func explainer(_ name: String, options: ExplainerOptions = .init()) throws -> any Explainer {
        let known = aliases[name] ?? name
        guard let entry = entries.first(where: { $0.name == known }) else {
            throw unknown("method", name, known: entries.map(\.name) + aliases.keys.sorted())
        }
        return entry.make(options)
    }

    /// The word selection of this name; `usage` when there is none.
    public static func selection(_ name: String) throws -> LIME.Selection { try choice("selection", name) }

    /// The random generator of this name; `usage` when there is none.
    public static func generator(_ name: String) throws -> DrawSource { try choice("random generator", name) }

    /// The way to split texts of this name; `usage` when there is none.
    public static func splitting(_ name: String) throws -> MaskedText.Splitting { try choice("split", name) }

    /// The contexts of `partition` of this name; `usage` when there are none.
    public static func context(_ name: String) throws -> PartitionShapley.Context { try choice("context", name) }

    private static func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ kind: String, _ name: String
    ) throws -> Choice {
        guard let value = Choice(rawValue: name) else {
            throw unknown(kind, name, known: Choice.allCases.map(\.rawValue))
        }
        return value
    }

    private static func unknown(_ kind: String, _ name: String, known: [String]) -> MLError {
        var hints = ["known are \(known.map { "'\($0)'" }.joined(separator: ", "))"]
        if let near = NearestName.find(name, in: known) { hints.insert("did you mean '\(near)'?", at: 0) }
        return MLError(.usage, "unknown \(kind) '\(name)'", hints: hints)
    }
}
