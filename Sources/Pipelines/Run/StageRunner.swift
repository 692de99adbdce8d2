import Base
import Glibc

/// Runs the commands of one stage on this machine.
public struct StageRunner: Sendable {
    /// What running cost, and what the commands said.
    public struct Outcome: Sendable {
        public var duration: Double
        public var processorTime: Double
        public var peakMemory: Int64
        /// The first `logLimit` bytes of output of all commands.
        public var log: [UInt8]
    }

    /// What is told while a stage runs.
    public enum Progress: Sendable {
        case command(String)
        case output([UInt8])
    }

    /// The top of the work tree.
    public var root: String
    /// Path of the shell; bash and zsh are started without their start files.
    public var shell: String
    /// The environment of the commands, before the names of the stage are added.
    public var environment: [String: String]
    /// Output beyond this many bytes is shown but not kept.
    public var logLimit: Int

    public init(root: String, shell: String = "/bin/sh", environment: [String: String], logLimit: Int = 1 << 20) {
        self.root = root
        self.shell = shell
        self.environment = environment
        self.logLimit = logLimit
    }

    /// Deletes the outputs (unless `persist`), makes the folders they go to, runs the commands one by one, each in a
    /// shell of its own, and checks that every output is there.
    ///
    /// - Throws: `MLError(.failed)` naming stage, command and exit code, or the output that was not made, or the signal
    ///   that stopped us (then as `StageInterruption` in its `cause`).
    public func run(_ stage: Stage, progress: (Progress) -> Void) throws -> Outcome {
        let directory = Files.join(root, stage.directory)
        guard Files.isDirectory(directory) else {
            throw MLError(
                .notFound, "the working directory '\(stage.directory)' of stage '\(stage.address)' does not exist")
        }
        try prepareOutputs(of: stage)
        var outcome = Outcome(duration: 0, processorTime: 0, peakMemory: 0, log: [])
        let limit = stage.settings.timeout.flatMap(StageTimeout.seconds)
        for command in stage.commands {
            progress(.command(command))
            let process = MeasuredProcess(
                shellArguments(command), directory: directory, environment: variables(for: stage),
                timeout: limit.map { max(0.001, $0 - outcome.duration) })
            let result = try process.run { bytes in
                outcome.log += bytes.prefix(max(0, logLimit - outcome.log.count))
                progress(.output(bytes))
            }
            outcome.duration += result.duration
            outcome.processorTime += result.processorTime
            outcome.peakMemory = max(outcome.peakMemory, result.peakMemory)
            if let number = result.interruption {
                throw MLError(
                    .failed, "stage '\(stage.address)' was stopped by \(number == SIGINT ? "SIGINT" : "SIGTERM")",
                    cause: StageInterruption(signal: number))
            }
            if result.isTimedOut, let timeout = stage.settings.timeout {
                throw MLError(
                    .failed,
                    "stage '\(stage.address)': the command '\(command)' was stopped, as the stage took longer than its "
                        + "timeout of \(timeout.stringValue ?? "\(timeout.compact()) s")")
            }
            guard result.status == 0 else {
                throw MLError(
                    .failed, "stage '\(stage.address)': the command '\(command)' failed (exit \(result.status))")
            }
        }
        for output in stage.outputs where !Files.exists(Files.join(root, output.path)) {
            throw MLError(.failed, "stage '\(stage.address)' did not make its output '\(output.path)'")
        }
        return outcome
    }

    func prepareOutputs(of stage: Stage) throws {
        for output in stage.outputs {
            // A link on the way could lead out of the work tree.
            for folder in RepositoryPath.ancestors(of: output.path)
            where Files.status(Files.join(root, folder))?.isSymbolicLink == true {
                throw MLError(
                    .invalidInput,
                    "the output '\(output.path)' of stage '\(stage.address)' lies behind the symbolic link '\(folder)'")
            }
            let path = Files.join(root, output.path)
            if !output.isPersistent { try Files.remove(path) }
            try Files.makeDirectories(Files.parent(of: path))
        }
        // Deleting an output may have taken the working directory with it.
        try Files.makeDirectories(Files.join(root, stage.directory))
    }

    func shellArguments(_ command: String) -> [String] {
        switch Files.lastComponent(of: shell) {
        case "bash": [shell, "--noprofile", "--norc", "-c", command]
        case "zsh": [shell, "--no-rcs", "-c", command]
        default: [shell, "-c", command]
        }
    }

    func variables(for stage: Stage) -> [String] {
        var result = environment
        if let seed = stage.settings.seed { result[StageInputs.seedVariable] = String(seed) }
        for prefix in ["MLRUN", "DVC"] {
            result["\(prefix)_STAGE"] = stage.address
            result["\(prefix)_ROOT"] = root
        }
        return result.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    }
}

/// The user (or the system) told us to stop while a stage ran.
public struct StageInterruption: Error, Sendable, CustomStringConvertible {
    public var signal: Int32
    public var description: String { "signal \(signal)" }
}
