import Base

/// The methods by name.
public enum ExplainerRegistry {
    /// What a method asks of the model besides `Predictor`.
    public enum Need: Sendable {
        case nothing
        /// `DifferentiablePredictor`.
        case gradients
        /// `LinearPredictor`.
        case linearForm
    }

    /// One method: its name on the command line, a line about it, and how to make it.
    public struct Entry: Sendable {
        public let name: String
        public let summary: String
        public let need: Need
        /// True when the values of a weighted mean of models are the weighted mean of theirs.
        public let isLinear: Bool
        let make: @Sendable (ExplainerOptions) -> any Explainer

        init(
            _ name: String, _ summary: String, need: Need = .nothing, isLinear: Bool = false,
            make: @escaping @Sendable (ExplainerOptions) -> any Explainer
        ) {
            self.name = name
            self.summary = summary
            self.need = need
            self.isLinear = isLinear
            self.make = make
        }
    }

    /// Names for what most people mean by them.
    public static let aliases = ["shap": "partition"]

    /// All methods, in the order they are listed to users.
    public static let entries: [Entry] = [
        Entry("lime", "local linear model over hidden words") { options in
            var method = LIME(tolerance: options.tolerance)
            if let samples = options.samples { method.samples = samples }
            if let features = options.features { method.features = features }
            if let width = options.kernelWidth { method.kernelWidth = width }
            method.mergesRepeats = options.mergesRepeats
            if let selection = options.selection { method.selection = selection }
            if let seed = options.seed { method.seed = seed }
            if let generator = options.generator { method.generator = generator }
            return method
        },
        Entry("ig", "integrated gradients from the zero embedding", need: .gradients, isLinear: true) { options in
            var method = IntegratedGradients()
            if let steps = options.steps { method.steps = steps }
            method.tolerance = options.tolerance
            if let precision = options.precision { method.precision = precision }
            return method
        },
        Entry("saliency", "sizes of the gradient at each word", need: .gradients) {
            Saliency(precision: $0.precision ?? .float)
        },
        Entry("input-x-gradient", "gradient times word vector", need: .gradients, isLinear: true) {
            InputXGradient(precision: $0.precision ?? .float)
        },
        Entry("smoothgrad", "mean size of the gradient under noise", need: .gradients) { smooth(.smoothgrad, $0) },
        Entry("smoothgrad-sq", "mean squared gradient under noise", need: .gradients) {
            smooth(.smoothgradSquared, $0)
        },
        Entry("vargrad", "variance of the gradient's size under noise", need: .gradients) { smooth(.vargrad, $0) },
        Entry("deeplift", "DeepLIFT's rescale rule from the zero embedding", need: .gradients, isLinear: true) { _ in
            DeepLIFT()
        },
        Entry(
            "gradient-shap", "gradients at random points of the path, times the input", need: .gradients, isLinear: true
        ) { options in
            var method = GradientShapley(precision: options.precision ?? .float, tolerance: options.tolerance)
            if let samples = options.samples { method.samples = samples }
            if let seed = options.seed { method.seed = seed }
            return method
        },
        Entry("attention", "where the attention layer looks; no attribution", need: .gradients) { _ in
            AttentionWeights()
        },
        Entry("conductance", "what flows through a layer ('--layer')", need: .gradients) { options in
            var method = LayerConductance(tolerance: options.tolerance, precision: options.precision ?? .float)
            if let layer = options.layer { method.layer = layer }
            if let steps = options.steps { method.steps = steps }
            return method
        },
        Entry("neuron", "what flows through one unit of a layer ('--neuron')", need: .gradients) { options in
            var method = NeuronConductance(unit: options.neuron, precision: options.precision ?? .float)
            if let layer = options.layer { method.layer = layer }
            if let steps = options.steps { method.steps = steps }
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

    private static func smooth(_ kind: SmoothGrad.Kind, _ options: ExplainerOptions) -> SmoothGrad {
        var method = SmoothGrad(kind, precision: options.precision ?? .float, tolerance: options.tolerance)
        if let samples = options.samples { method.samples = samples }
        if let noise = options.noise { method.noise = noise }
        if let seed = options.seed { method.seed = seed }
        return method
    }

    /// The method of this name or alias with these options.
    ///
    /// - Throws: `usage` for an unknown name, with the nearest one as a hint.
    public static func explainer(_ name: String, options: ExplainerOptions = .init()) throws -> any Explainer {
        let known = aliases[name] ?? name
        guard let entry = entries.first(where: { $0.name == known }) else {
            throw unknown("method", name, known: entries.map(\.name) + aliases.keys.sorted())
        }
        return entry.need == .gradients ? MemberSum(entry.make(options), isLinear: entry.isLinear) : entry.make(options)
    }

    /// The word selection of this name; `usage` when there is none.
    public static func selection(_ name: String) throws -> LIME.Selection { try choice("selection", name) }

    /// The random generator of this name; `usage` when there is none.
    public static func generator(_ name: String) throws -> DrawSource { try choice("random generator", name) }

    /// The way to split texts of this name; `usage` when there is none.
    public static func splitting(_ name: String) throws -> MaskedText.Splitting { try choice("split", name) }

    /// The contexts of `partition` of this name; `usage` when there are none.
    public static func context(_ name: String) throws -> PartitionShapley.Context { try choice("context", name) }

    /// The precision of this name; `usage` when there is none.
    public static func precision(_ name: String) throws -> Precision { try choice("precision", name) }

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
