import ArgumentParser
import Base
import Explainers

/// How explanations are made.
struct MethodOptions: ParsableArguments {
    @Option(help: ArgumentHelp("How many masked texts to ask about (LIME: 5000, shap: 500, …).", valueName: "n"))
    var samples: Int?
    @Option(help: ArgumentHelp("How many points gradient methods take (default: 50).", valueName: "n")) var steps: Int?
    @Option(help: ArgumentHelp("How many words LIME keeps (default: 10).", valueName: "n")) var features: Int?
    @Option(help: ArgumentHelp("How LIME chooses them: auto, forward, highest, lasso, none.", valueName: "how"))
    var selection: String?
    @Option(help: ArgumentHelp("Seed of the random numbers (default: 0).", valueName: "n")) var seed: UInt64?
    @Option(
        help: ArgumentHelp("Random numbers: default, or numpy-legacy as Python's lime draws them.", valueName: "kind"))
    var rng: String?
    @Option(
        help: ArgumentHelp(
            "Add points or samples until sum rule (ig) or ranks (sampled methods) hold to this.", valueName: "x"))
    var tolerance: Double?
    @Option(help: ArgumentHelp("float or double, for gradient methods (default: float).", valueName: "kind"))
    var precision: String?
    @Option(
        help: ArgumentHelp("Layer of conductance (default: encode) and neuron (default: attend).", valueName: "name"))
    var layer: String?
    @Option(help: ArgumentHelp("Unit of neuron, from 0 (default: the one most flows through).", valueName: "n"))
    var neuron: Int?
    @Option(help: ArgumentHelp("Noise of smoothgrad as a share of the vectors' spread (0.15).", valueName: "x"))
    var noise: Double?
    @Option(help: ArgumentHelp("Words occlusion hides at once (default: 3).", valueName: "n")) var window: Int?
    @Option(help: ArgumentHelp("What stands for hidden words (default: '...').", valueName: "text")) var mask: String?
    @Option(help: ArgumentHelp("What separates hidden words: words (as \\W+) or whitespace.", valueName: "how"))
    var split: String?
    @Option(help: ArgumentHelp("Words to the next window of occlusion (default: 1).", valueName: "n")) var stride: Int?
    @Option(
        help: ArgumentHelp("What partition shows beside a phrase: both, absent or present.", valueName: "which"))
    var context: String?
    @Option(help: ArgumentHelp("Width of LIME's kernel (default: 25).", valueName: "x")) var kernelWidth: Double?
    @Flag(inversion: .prefixedNo, help: "LIME takes repeats of a word for one (default).") var bow = true
    @Option(help: ArgumentHelp("Precision a rule of anchors must reach (default: 0.95).", valueName: "p"))
    var threshold: Double?
    @Option(help: ArgumentHelp("Rules of a size anchors keeps (default: 1).", valueName: "n")) var beam: Int?
    @Option(help: ArgumentHelp("The label to explain (default: the predicted one).", valueName: "label")) var target:
        String?

    var explanationTarget: ExplanationTarget { target.map { .label($0) } ?? .predicted }

    func explainer(_ method: String) throws -> any Explainer {
        var options = ExplainerOptions(
            samples: samples, steps: steps, seed: seed, generator: try rng.map { try ExplainerRegistry.generator($0) },
            features: features, selection: try selection.map { try ExplainerRegistry.selection($0) },
            tolerance: tolerance)
        options.precision = try precision.map { try ExplainerRegistry.precision($0) }
        options.layer = layer
        options.neuron = neuron
        options.noise = noise
        options.window = window
        options.maskToken = mask
        options.splitting = try split.map { try ExplainerRegistry.splitting($0) }
        options.stride = stride
        options.context = try context.map { try ExplainerRegistry.context($0) }
        options.kernelWidth = kernelWidth
        options.mergesRepeats = bow
        options.threshold = threshold
        options.beam = beam
        return try ExplainerRegistry.explainer(method, options: options)
    }

    /// The names of all methods, for help texts.
    static let names = (ExplainerRegistry.entries.map(\.name) + ["shap (partition)"]).joined(separator: ", ")
}
