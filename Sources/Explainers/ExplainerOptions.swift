import Base

/// What a user may set; nil leaves a method its own default. Methods ignore what does not concern them.
public struct ExplainerOptions: Sendable {
    /// Random variants of the text, or the budget of evaluations.
    public var samples: Int?
    /// Nodes of a path integral.
    public var steps: Int?
    public var seed: UInt64?
    public var generator: DrawSource?
    /// Words in a local model.
    public var features: Int?
    public var selection: LIME.Selection?
    /// Width of the kernel of `lime`, and whether it takes repeats of a word for one.
    public var kernelWidth: Double?
    public var mergesRepeats = true
    /// Refine until this is reached: the convergence delta of `ig`; for sampled Shapley values, an order of the top words
    /// that is settled up to differences of this size (`RankStability`).
    public var tolerance: Double?
    /// What separates the tokens that are hidden (Shapley methods, `occlusion`, `ablation`, `anchors`).
    public var splitting: MaskedText.Splitting?
    /// What stands for hidden tokens of these methods; "" removes them.
    public var maskToken: String?
    /// Contexts of `partition`.
    public var context: PartitionShapley.Context?
    /// Tokens hidden at once, and the step to the next ones (`occlusion`).
    public var window: Int?
    public var stride: Int?
    /// Precision that a rule of `anchors` must reach.
    public var threshold: Double?
    /// Rules of one size that `anchors` keeps.
    public var beam: Int?
    /// Texts that say what is average (`linear`).
    public var background: [String]?
    /// Arithmetic of gradient methods.
    public var precision: Precision?
    /// Layer of `conductance` and `neuron`, and unit of `neuron`.
    public var layer: String?
    public var neuron: Int?
    /// Noise of `smoothgrad` and its kin, as a share of the spread of the word vectors.
    public var noise: Double?

    public init(
        samples: Int? = nil, steps: Int? = nil, seed: UInt64? = nil, generator: DrawSource? = nil,
        features: Int? = nil, selection: LIME.Selection? = nil, tolerance: Double? = nil,
        splitting: MaskedText.Splitting? = nil, maskToken: String? = nil, context: PartitionShapley.Context? = nil,
        window: Int? = nil, stride: Int? = nil, threshold: Double? = nil, beam: Int? = nil, background: [String]? = nil,
        precision: Precision? = nil, layer: String? = nil, neuron: Int? = nil, noise: Double? = nil
    ) {
        self.samples = samples
        self.steps = steps
        self.seed = seed
        self.generator = generator
        self.features = features
        self.selection = selection
        self.tolerance = tolerance
        self.splitting = splitting
        self.maskToken = maskToken
        self.context = context
        self.window = window
        self.stride = stride
        self.threshold = threshold
        self.beam = beam
        self.background = background
        self.precision = precision
        self.layer = layer
        self.neuron = neuron
        self.noise = noise
    }

    /// How the methods that hide tokens do it.
    var masking: Masking {
        var masking = Masking()
        if let splitting { masking.splitting = splitting }
        if let maskToken { masking.maskToken = maskToken }
        return masking
    }
}
