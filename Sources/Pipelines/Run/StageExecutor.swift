import Base

/// Where the commands of stages run: this machine, or a scheduler that runs them elsewhere.
///
/// An executor gets one stage whose inputs are in the work tree, and leaves its outputs there. Whether the stage must
/// run at all, recording, retries and keeping outputs are the submitter's business, so an executor for a cluster is a
/// script, a way to submit it, and a way to ask how it went (`SlurmExecutor`; a Kubernetes Job is the same three).
public protocol StageExecutor: Sendable {
    /// As in `--executor NAME` and `meta.mlrun.executor`.
    var name: String { get }

    /// Runs a stage and waits for it. Called from several threads at once.
    ///
    /// - Parameter progress: told of each command and of what it prints.
    /// - Throws: `MLError(.failed)` naming stage and command; with `StageInterruption` as its cause when the user
    ///   stopped it. Nothing of the stage may be running any more when it throws.
    func run(_ job: StageJob, progress: (StageRunner.Progress) -> Void) throws -> StageRunner.Outcome

    /// Whether `announce` does anything.
    var runsAhead: Bool { get }

    /// Told of a stage that is sure to run once others that run here have ended: a scheduler can have it wait for them.
    /// When its turn comes `run` is called as for any other.
    func announce(_ upcoming: UpcomingStage)

    /// Nothing more will be run: what was announced and not taken up must not happen.
    func withdraw()
}

extension StageExecutor {
    public var runsAhead: Bool { false }
    public func announce(_ upcoming: UpcomingStage) {}
    public func withdraw() {}
}

/// A stage to run now.
public struct StageJob: Sendable {
    public var stage: Stage
    /// Names this very run, so that a submitter that comes back finds a job that is still under way.
    public var key: ObjectID
    public var inputs: StageInputs?
    /// Run even if a run with this key has ended meanwhile.
    public var isForced: Bool

    public init(stage: Stage, key: ObjectID, inputs: StageInputs? = nil, isForced: Bool = false) {
        self.isForced = isForced
        self.stage = stage
        self.key = key
        self.inputs = inputs
    }
}

/// A stage that will run after others.
public struct UpcomingStage: Sendable {
    public var stage: Stage
    /// Addresses of the stages that must have ended well before.
    public var after: [String]
    /// Its dependencies that those make.
    public var waits: [String]
    /// Names everything else it reads.
    public var signature: ObjectID

    init(_ stage: Stage, _ inputs: StageInputs, after: [String], waits: [String]) {
        self.stage = stage
        self.after = after
        self.waits = waits
        signature = UpcomingStage.signature(stage, inputs, waits: waits)
    }

    /// The stage key as it would be without the dependencies that are waited for.
    static func signature(_ stage: Stage, _ inputs: StageInputs, waits: [String]) -> ObjectID {
        var known = inputs
        known.dependencies.removeAll { waits.contains($0.path) }
        return ObjectID.of(StageKey.canonicalText(stage, known) ?? "nothing")
    }
}

extension StageRunner: StageExecutor {
    public var name: String { "local" }

    public func run(_ job: StageJob, progress: (Progress) -> Void) throws -> Outcome {
        try run(job.stage, progress: progress)
    }
}

/// How long a stage may take: seconds as a number, or a text such as `90s`, `30m`, `2h`, `1h30m`, `1d`.
public enum StageTimeout {
    /// Seconds; nil when the value is none of these or not above zero.
    public static func seconds(_ value: JSON) -> Double? {
        if let number = value.doubleValue { return number > 0 ? number : nil }
        guard let text = value.stringValue, !text.isEmpty else { return nil }
        let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600, "d": 86400]
        var total = 0.0
        var number = ""
        for character in text {
            if character.isNumber || character == "." {
                number.append(character)
                continue
            }
            guard let unit = units[character], let count = Double(number) else { return nil }
            total += count * unit
            number = ""
        }
        if !number.isEmpty {
            guard total == 0, let count = Double(number) else { return nil }
            total = count
        }
        return total > 0 ? total : nil
    }
}
