import Base
import Glibc

/// Runs stages as jobs of a Slurm cluster that sees the work tree (a shared file system).
///
/// A job is a self-contained script: it runs the commands of one stage and writes one small result file, by rename. The
/// submitter asks `squeue` about all its jobs at once; when a job has left the queue, the result file says how it went.
/// Order comes from the graph: a job is submitted when what it reads is there. A job's files are named by the stage key,
/// so that a submitter that comes back finds a job that is under way, or has ended meanwhile, instead of a second one.
public final class SlurmExecutor: StageExecutor, @unchecked Sendable {
    public let name = "slurm"
    private let runner: StageRunner
    private let folder: String
    private let options: [String]
    private let interval: Double
    private let queue: SlurmQueue

    /// - Parameters:
    ///   - runner: how commands are run: shell, environment, top of the work tree.
    ///   - folder: where scripts, logs and results go; the nodes must see it.
    ///   - options: further words for `sbatch`, such as `--partition=gpu`.
    ///   - interval: seconds between two questions to the scheduler.
    public init(runner: StageRunner, folder: String, options: [String] = [], interval: Double = 2) {
        self.runner = runner
        self.folder = folder
        self.options = options
        self.interval = interval
        queue = SlurmQueue(interval: interval)
    }

    public func run(
        _ stage: Stage, key: ObjectID, progress: (StageRunner.Progress) -> Void
    ) throws -> StageRunner.Outcome {
        let files = JobFiles(folder: folder, key: key)
        try Files.makeDirectories(folder)
        let signals = try SignalRelay.shared.begin()
        defer { SignalRelay.shared.end() }
        let job = try attach(files) ?? submit(stage, files)
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
        defer { files.remove() }
        return try outcome(stage, files, job)
    }

    /// The job an earlier submitter left, under way or ended with a result; nil when a new one is needed.
    private func attach(_ files: JobFiles) throws -> String? {
        guard let job = try? Files.readText(files.job).split(separator: "\n").first.map(String.init) else { return nil }
        if try queue.isPending(job) || Files.exists(files.result) { return job }
        files.remove()
        return nil
    }

    private func submit(_ stage: Stage, _ files: JobFiles) throws -> String {
        files.remove()
        try runner.prepareOutputs(of: stage)
        try Files.writeAtomically(script(stage, files), to: files.script)
        let words =
            ["sbatch", "--parsable", "--requeue", "--open-mode=append", "--output=\(files.log)"]
            + ["--chdir=\(Files.join(runner.root, stage.directory))", "--job-name=mlrun:\(stage.address)"]
            + SlurmResources.words(stage.settings) + options + [files.script]
        let variables = Dictionary(runner.environment.map { ($0.key, Optional($0.value)) }) { first, _ in first }
        let answer = try Subprocess(words, environment: variables).run()
        guard answer.status == 0, let job = answer.text.split(whereSeparator: { ";\n".contains($0) }).first else {
            throw MLError(
                .failed,
                "sbatch does not take stage '\(stage.address)': "
                    + answer.errorText.split(separator: "\n").joined(separator: "; "))
        }
        try Files.writeAtomically("\(job)\n", to: files.job)
        return String(job)
    }

    /// The whole job: nothing of this program is needed on the node.
    private func script(_ stage: Stage, _ files: JobFiles) -> String {
        var lines = ["#!/bin/sh", "export DVC_STAGE=\(ShellWord.quote(stage.address))"]
        lines.append("export MLRUN_STAGE=\(ShellWord.quote(stage.address))")
        lines += ["DVC_ROOT", "MLRUN_ROOT"].map { "export \($0)=\(ShellWord.quote(runner.root))" }
        if let seed = stage.settings.seed { lines.append("export \(StageInputs.seedVariable)=\(seed)") }
        lines += ["start=$(date +%s)", "finish() {"]
        let temporary = ShellWord.quote(files.result + ".new")
        lines.append(
            "  printf '{\"status\": %d, \"command\": %d, \"seconds\": %d, \"host\": \"%s\"}\\n' \"$1\" \"$2\" "
                + "$(($(date +%s) - start)) \"$(hostname)\" > \(temporary)")
        lines.append("  mv \(temporary) \(ShellWord.quote(files.result)); exit \"$1\"")
        lines.append("}")
        for (index, command) in stage.commands.enumerated() {
            let words = runner.shellArguments(command).map(ShellWord.quote).joined(separator: " ")
            lines.append("\(words)\nstatus=$?; [ $status -eq 0 ] || finish $status \(index)")
        }
        lines.append("finish 0 0")
        return lines.joined(separator: "\n") + "\n"
    }

    private func outcome(_ stage: Stage, _ files: JobFiles, _ job: String) throws -> StageRunner.Outcome {
        guard let bytes = try? Files.read(files.result), let result = try? JSON(parsing: bytes) else {
            let log = (try? Files.readText(files.log)) ?? ""
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
        let usage = try queue.usage(job)
        return StageRunner.Outcome(
            duration: result["seconds"]?.doubleValue ?? 0, processorTime: usage.processorTime,
            peakMemory: usage.peakMemory,
            log: Array(((try? Files.read(files.log)) ?? []).prefix(runner.logLimit)))
    }

    /// The files of one job, all named by the stage key.
    private struct JobFiles {
        let base: String
        init(folder: String, key: ObjectID) { base = folder + "/" + key.hex.prefix(24) }
        var script: String { base + ".sh" }
        var log: String { base + ".log" }
        var job: String { base + ".job" }
        var result: String { base + ".json" }

        func remove() { for path in [script, log, job, result] { try? Files.remove(path) } }
    }
}

/// `meta.mlrun.resources` in words of `sbatch`.
enum SlurmResources {
    static func words(_ settings: StageSettings) -> [String] {
        let flags = [
            "cpus": "cpus-per-task", "mem_mb": "mem", "gpus": "gpus", "partition": "partition", "account": "account",
            "constraint": "constraint", "qos": "qos", "nodes": "nodes", "ntasks": "ntasks",
        ]
        var words: [String] = []
        for (key, value) in settings.resources.pairs {
            guard let flag = flags[key] else { continue }
            let text = value.stringValue ?? value.compact()
            words.append("--\(flag)=\(text)\(key == "mem_mb" ? "M" : "")")
        }
        // `runtime` is the same limit in minutes, as Snakemake counts it.
        let minutes = settings.resources["runtime"]?.doubleValue.map { $0 * 60 }
        if let seconds = settings.timeout.flatMap(StageTimeout.seconds) ?? minutes {
            words.append("--time=\(max(1, Int((seconds / 60).rounded(.up))))")
        }
        return words
    }
}

/// Answers about jobs, asking the scheduler once for all of them in each interval.
private final class SlurmQueue: @unchecked Sendable {
    private let mutex = Mutex()
    private let interval: Double
    private var asked = -Double.infinity
    private var pending: Set<String> = []

    init(interval: Double) { self.interval = interval }

    /// Whether a job waits or runs. Jobs that were requeued do.
    func isPending(_ job: String) throws -> Bool {
        try mutex.withLock {
            if pending.contains(job), monotonicSeconds() - asked < interval * 0.9 { return true }
            let answer = try Subprocess(["squeue", "--me", "--noheader", "--format=%A %T"]).run()
            // A scheduler that does not answer for a moment has not lost the job.
            guard answer.status == 0 else { return true }
            asked = monotonicSeconds()
            pending = Set(
                answer.text.split(separator: "\n").compactMap { line -> String? in
                    let words = line.split(separator: " ")
                    guard words.count == 2, !["COMPLETED", "CANCELLED", "FAILED", "TIMEOUT"].contains(words[1]) else {
                        return nil
                    }
                    return String(words[0])
                })
            return pending.contains(job)
        }
    }

    /// What accounting knows of a job that ended; zeros where a cluster keeps none.
    func usage(_ job: String) throws -> (processorTime: Double, peakMemory: Int64) {
        let words = ["sacct", "-j", job, "-n", "-P", "--units=K", "-o", "TotalCPU,MaxRSS"]
        guard let answer = try? Subprocess(words).run(), answer.status == 0 else { return (0, 0) }
        var result = (processorTime: 0.0, peakMemory: Int64(0))
        for line in answer.text.split(separator: "\n") {
            let fields = line.split(separator: "|", omittingEmptySubsequences: false)
            guard fields.count == 2 else { continue }
            // `[DAYS-[HOURS:]]MINUTES:SECONDS`
            let days = fields[0].split(separator: "-")
            let seconds = (days.last ?? "").split(separator: ":").reduce(0.0) { $0 * 60 + (Double($1) ?? 0) }
            let total = seconds + (days.count == 2 ? (Double(days[0]) ?? 0) * 86400 : 0)
            result.processorTime = max(result.processorTime, total)
            result.peakMemory = max(result.peakMemory, (Int64(fields[1].prefix { $0.isNumber }) ?? 0) * 1024)
        }
        return result
    }
}
