import Base
import Glibc

/// Runs stages as jobs of a Slurm cluster that sees the work tree (a shared file system).
///
/// A job is a self-contained script: it runs the commands of one stage and writes one small result file, by rename. The
/// submitter asks `squeue` about all its jobs at once; when a job has left the queue, the result file says how it went.
/// Jobs that are submitted together and ask for the same are one array. A stage that is sure to run after one under way
/// is submitted with it (`--dependency`), so that the cluster goes on without us; what such a job read is checked before
/// its result counts. A job's files are named by the stage key, so that a submitter that comes back finds a job that is
/// under way, or has ended meanwhile, instead of a second one.
public final class SlurmExecutor: StageExecutor, @unchecked Sendable {
    public let name = "slurm"
    public var runsAhead: Bool { true }
    private let runner: StageRunner
    private let folder: String
    private let interval: Double
    private let queue: SlurmQueue
    private let arrays: SlurmArrays
    private let ahead: SlurmAhead
    private let identify: @Sendable (String) throws -> ObjectID?

    /// - Parameters:
    ///   - runner: how commands are run: shell, environment, top of the work tree.
    ///   - folder: where scripts, logs and results go; the nodes must see it.
    ///   - options: further words for `sbatch`, such as `--partition=gpu`.
    ///   - interval: seconds between two questions to the scheduler.
    ///   - identify: the id of what is at a path of the work tree now.
    public init(
        runner: StageRunner, folder: String, options: [String] = [], interval: Double = 2,
        identify: @escaping @Sendable (String) throws -> ObjectID? = { _ in nil }
    ) {
        self.runner = runner
        self.folder = folder
        self.interval = interval
        self.identify = identify
        queue = SlurmQueue(interval: interval)
        arrays = SlurmArrays(folder: folder, root: runner.root, environment: runner.environment, options: options)
        ahead = SlurmAhead(folder: folder, runner: runner, queue: queue, arrays: arrays)
    }

    public func announce(_ upcoming: UpcomingStage) { ahead.add(upcoming) }

    public func withdraw() { ahead.withdraw() }

    public func run(_ job: StageJob, progress: (StageRunner.Progress) -> Void) throws -> StageRunner.Outcome {
        let stage = job.stage
        try Files.makeDirectories(folder)
        let signals = try SignalRelay.shared.begin()
        defer { SignalRelay.shared.end() }
        if let (files, id, waits) = try ahead.take(job) {
            defer { files.remove() }
            let outcome = try follow(stage, files, id, signals, progress)
            // It ran before anybody had looked at what it was going to read.
            let seen = files.resultValue?["deps"]?.objectValue ?? [:]
            let isRight = waits.allSatisfy { path in
                job.inputs?.dependencies.first { $0.path == path }?.id?.hex == seen[path]?.stringValue
            }
            if try isRight && isMade(files) { return outcome }
        }
        let files = SlurmJobFiles(folder: folder, name: String(job.key.hex.prefix(24)))
        defer { files.remove() }
        let id = try attach(files, job) ?? submit(stage, files)
        ahead.note(stage, id)
        return try follow(stage, files, id, signals, progress)
    }

    /// Waits for a job, showing what it prints.
    private func follow(
        _ stage: Stage, _ files: SlurmJobFiles, _ job: String, _ signals: Int32,
        _ progress: (StageRunner.Progress) -> Void
    ) throws -> StageRunner.Outcome {
        stage.commands.forEach { progress(.command($0)) }
        var shown = 0
        func showOutput() {
            guard let log = try? Files.read(files.log), log.count > shown else { return }
            progress(.output(Array(log[shown...])))
            shown = log.count
        }
        while try queue.isPending(job) {
            showOutput()
            var waiting = pollfd(fd: signals, events: Int16(POLLIN), revents: 0)
            _ = poll(&waiting, 1, Int32(interval * 1000))
            if let number = SignalRelay.shared.received {
                _ = try? Subprocess(["scancel", job]).run()
                files.remove()
                throw MLError(
                    .failed, "stage '\(stage.address)' was stopped, and its job \(job) cancelled",
                    cause: StageInterruption(signal: number))
            }
        }
        // The node's file system may show the last file a moment after the scheduler knows that the job has ended.
        for _ in 0..<20 where !Files.exists(files.result) { usleep(100_000) }
        showOutput()
        return try outcome(stage, files, job)
    }

    /// The job an earlier submitter left, under way or ended with a result; nil when a new one is needed.
    private func attach(_ files: SlurmJobFiles, _ wanted: StageJob) throws -> String? {
        guard let job = files.jobID else { return nil }
        if try queue.isPending(job) { return job }
        // What was made may have been changed since.
        if !wanted.isForced, files.resultValue != nil, try isMade(files) { return job }
        files.remove()
        return nil
    }

    /// Whether the files a job made are still as it left them.
    private func isMade(_ files: SlurmJobFiles) throws -> Bool {
        let made = files.resultValue?["outs"]?.objectValue ?? [:]
        return try made.pairs.allSatisfy { try identify($0.key)?.hex == $0.value.stringValue }
    }

    private func submit(_ stage: Stage, _ files: SlurmJobFiles) throws -> String {
        files.remove()
        try runner.prepareOutputs(of: stage)
        try Files.writeAtomically(SlurmScript(runner: runner).text(stage, files), to: files.script)
        let words = ["--job-name=mlrun:\(stage.address)"] + SlurmResources.words(stage.settings)
        let job = try arrays.submit(SlurmArrays.Request(words: words, stage: stage, files: files))
        try Files.writeAtomically("\(job)\n", to: files.job)
        return job
    }

    private func outcome(_ stage: Stage, _ files: SlurmJobFiles, _ job: String) throws -> StageRunner.Outcome {
        guard let result = files.resultValue else {
            let log = ((try? Files.readText(files.log)) ?? "") + arrays.words(of: job)
            let reason = log.split(separator: "\n").last { $0.contains("CANCELLED") || $0.contains("slurmstepd") }
            throw MLError(
                .failed,
                "stage '\(stage.address)': job \(job) ended without a result"
                    + (reason.map { ": \($0)" } ?? ""),
                hint: "it was cancelled, ran out of time or memory, or its node failed")
        }
        let status = result["status"]?.intValue ?? 1
        let command = result["command"]?.intValue ?? 0
        if status != 0 {
            let text = stage.commands.indices.contains(command) ? stage.commands[command] : ""
            throw MLError(
                .failed, "stage '\(stage.address)': the command '\(text)' failed (exit \(status)) in job \(job)")
        }
        for output in stage.outputs where !Files.exists(Files.join(runner.root, output.path)) {
            throw MLError(.failed, "stage '\(stage.address)' did not make its output '\(output.path)'")
        }
        arrays.forget(job)
        let usage = try queue.usage(job)
        return StageRunner.Outcome(
            duration: result["seconds"]?.doubleValue ?? 0, processorTime: usage.processorTime,
            peakMemory: usage.peakMemory,
            log: Array(((try? Files.read(files.log)) ?? []).prefix(runner.logLimit)))
    }
}
