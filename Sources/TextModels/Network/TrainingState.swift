import Base
import Tensors

/// Everything a training is between two steps: with it, a run that was stopped ends in the same bytes.
struct TrainingState: Sendable {
    var parameters: [Parameter]
    var optimiser: Optimiser
    var epoch = 0
    /// Batches of this epoch that are done.
    var batch = 0
    /// The sum of the losses of this epoch's texts so far.
    var loss = 0.0
    var best: [Matrix]?
    var bestLoss: Double?
    var withoutGain = 0
    /// Weights after the last epochs, oldest first.
    var recent: [[Matrix]] = []
    var history: [JSON] = []

    init(_ parameters: [Parameter], _ training: TrainingSpec) {
        self.parameters = parameters
        optimiser = Optimiser(parameters, training)
    }

    mutating func remember(_ count: Int) {
        guard count > 0 else { return }
        recent.append(parameters.map(\.value))
        if recent.count > count { recent.removeFirst() }
    }

    /// A digest of all that decides the model.
    static func identity(_ spec: ModelSpec, _ training: TrainingSpec, train: Dataset, dev: Dataset) -> String {
        var hasher = SHA256Hasher()
        hasher.update(Array((spec.json.compact() + training.json.compact()).utf8))
        for data in [train, dev] {
            for (text, label) in zip(data.texts, data.labels) {
                hasher.update(Array("\(text.utf8.count) \(label.utf8.count) ".utf8))
                hasher.update(Array(text.utf8))
                hasher.update(Array(label.utf8))
            }
        }
        return hasher.finish().hex
    }

    /// Writes a checkpoint in one step.
    func save(to path: String, identity: String) throws {
        var tensors: [(name: String, value: Matrix)] = []
        func add(_ prefix: String, _ values: [Matrix]) {
            for (parameter, value) in zip(parameters, values) { tensors.append((prefix + parameter.name, value)) }
        }
        add("parameter/", parameters.map(\.value))
        add("first/", optimiser.first)
        add("second/", optimiser.second)
        if let best { add("best/", best) }
        for (number, values) in recent.enumerated() { add("recent.\(number)/", values) }
        let state: JSON = [
            "identity": .string(identity), "epoch": JSON(epoch), "batch": JSON(batch), "loss": JSON(loss),
            "step": JSON(optimiser.step), "best_loss": bestLoss.map { JSON($0) } ?? .null,
            "without_gain": JSON(withoutGain), "recent": JSON(recent.count), "history": .array(history),
        ]
        try Files.writeAtomically(
            SafeTensors.encode(tensors, metadata: [("git-ml-training", state.compact())]), to: path)
    }

    private var saved: [String: Matrix] = [:]
    private var savedRecent = 0
    private var hasBest = false

    /// Reads a checkpoint; nil when there is none.
    ///
    /// - Throws: `MLError(.invalidInput)` when it is one of another training.
    init?(reading path: String, identity: String) throws {
        guard Files.exists(path) else { return nil }
        let bytes = try Files.read(path)
        guard let text = try SafeTensors.metadata(bytes, name: path)["git-ml-training"] else {
            throw MLError(.invalidInput, "'\(path)' is no checkpoint of a training")
        }
        let state = try JSON(parsing: text)
        guard state["identity"]?.stringValue == identity else {
            throw MLError(
                .invalidInput, "the checkpoint '\(path)' belongs to another training: params or data have changed",
                hint: "remove it to begin again")
        }
        parameters = []
        optimiser = Optimiser([], try TrainingSpec())
        optimiser.step = state["step"]?.intValue ?? 0
        epoch = state["epoch"]?.intValue ?? 0
        batch = state["batch"]?.intValue ?? 0
        loss = state["loss"]?.doubleValue ?? 0
        bestLoss = state["best_loss"]?.doubleValue
        withoutGain = state["without_gain"]?.intValue ?? 0
        history = state["history"]?.arrayValue ?? []
        savedRecent = state["recent"]?.intValue ?? 0
        saved = try SafeTensors.decode(bytes, name: path)
        hasBest = bestLoss != nil
    }

    /// This checkpoint's values in the shape of a fresh state.
    func fitting(_ fresh: TrainingState) throws -> TrainingState {
        func values(_ prefix: String, like shapes: [Matrix]) throws -> [Matrix] {
            try zip(fresh.parameters, shapes).map { parameter, shape in
                guard let value = saved[prefix + parameter.name], value.values.count == shape.values.count else {
                    throw MLError(.corrupt, "the checkpoint lacks '\(prefix)\(parameter.name)'")
                }
                return value
            }
        }
        let shapes = fresh.parameters.map(\.value)
        var state = fresh
        state.parameters = zip(fresh.parameters, try values("parameter/", like: shapes)).map {
            Parameter($0.name, $1)
        }
        state.optimiser.step = optimiser.step
        state.optimiser.first = try values("first/", like: fresh.optimiser.first)
        state.optimiser.second = try values("second/", like: fresh.optimiser.second)
        if hasBest { state.best = try values("best/", like: shapes) }
        state.recent = try (0..<savedRecent).map { try values("recent.\($0)/", like: shapes) }
        (state.epoch, state.batch, state.loss) = (epoch, batch, loss)
        (state.bestLoss, state.withoutGain, state.history) = (bestLoss, withoutGain, history)
        return state
    }
}
