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
    /// - Parameters:
    ///   - key: names this very run, so that a submitter that comes back finds a job that is still under way.
    ///   - progress: told of each command and of what it prints.
    /// - Throws: `MLError(.failed)` naming stage and command; with `StageInterruption` as its cause when the user
    ///   stopped it. Nothing of the stage may be running any more when it throws.
    func run(
        _ stage: Stage, key: ObjectID, progress: (StageRunner.Progress) -> Void
    ) throws -> StageRunner.Outcome
}

extension StageRunner: StageExecutor {
    public var name: String { "local" }

    public func run(_ stage: Stage, key: ObjectID, progress: (Progress) -> Void) throws -> Outcome {
        try run(stage, progress: progress)
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
