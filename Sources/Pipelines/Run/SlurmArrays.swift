import Base
import Glibc

/// Hands jobs to `sbatch`: those that several threads submit in the same moment and that ask for the same as one array.
final class SlurmArrays: @unchecked Sendable {
    struct Request {
        /// Words for `sbatch` beside those of all jobs.
        var words: [String]
        var stage: Stage
        var files: SlurmJobFiles
        /// Jobs that must have ended well before.
        var after: [String] = []
    }

    private final class Slot {
        let request: Request
        var answer: Result<String, MLError>?
        init(_ request: Request) { self.request = request }
    }

    private let folder: String
    private let root: String
    private let environment: [String: String]
    private let options: [String]
    private let mutex = Mutex()
    private var slots: [Slot] = []
    private var counter = 0

    init(folder: String, root: String, environment: [String: String], options: [String]) {
        self.folder = folder
        self.root = root
        self.environment = environment
        self.options = options
    }

    /// Submits a job and returns its id: `17`, or `17_3` in an array.
    ///
    /// - Throws: `MLError(.failed)` with the words of `sbatch`.
    func submit(_ request: Request) throws -> String {
        let slot = Slot(request)
        let isFirst = mutex.withLock { () -> Bool in
            slots.append(slot)
            return slots.count == 1
        }
        if isFirst {
            // Others that are ready now come within this time.
            usleep(200_000)
            let batch = mutex.withLock { () -> [Slot] in
                defer { slots = [] }
                return slots
            }
            send(batch)
        }
        while true {
            if let answer = mutex.withLock({ slot.answer }) { return try answer.get() }
            usleep(5_000)
        }
    }

    private func send(_ batch: [Slot]) {
        // The name of a job is no reason to keep it apart.
        func kind(_ slot: Slot) -> [String] {
            slot.request.words.filter { !$0.hasPrefix("--job-name=") } + slot.request.after
        }
        for group in Dictionary(grouping: batch, by: kind).values {
            let answers: [Result<String, MLError>]
            do {
                answers = try sbatch(group.map(\.request)).map { .success($0) }
            } catch {
                let error = error as? MLError ?? MLError(.failed, "\(error)")
                answers = group.map { _ in .failure(error) }
            }
            mutex.withLock { for (slot, answer) in zip(group, answers) { slot.answer = answer } }
        }
    }

    private func sbatch(_ requests: [Request]) throws -> [String] {
        guard let first = requests.first else { return [] }
        var words = ["sbatch", "--parsable", "--requeue", "--open-mode=append", "--chdir=\(root)"]
        if !first.after.isEmpty {
            words += ["--dependency=afterok:" + first.after.joined(separator: ":"), "--kill-on-invalid-dep=yes"]
        }
        if requests.count == 1 {
            words += ["--output=\(first.files.log)"] + first.words + options + [first.files.script]
            return [try answer(words, first.stage)]
        }
        let number = mutex.withLock { () -> Int in
            counter += 1
            return counter
        }
        let base = "\(folder)/array-\(getpid())-\(number)"
        let cases = requests.enumerated().map { index, request in
            let (script, log) = (ShellWord.quote(request.files.script), ShellWord.quote(request.files.log))
            return "\(index)) exec sh \(script) >> \(log) 2>&1;;"
        }
        let text = ["#!/bin/sh", "case $SLURM_ARRAY_TASK_ID in"] + cases + ["esac"]
        try Files.writeAtomically(text.joined(separator: "\n") + "\n", to: base + ".sh")
        // Slurm keeps the text of a script that it was given.
        defer { try? Files.remove(base + ".sh") }
        let group = first.stage.group ?? "stages"
        let shared = first.words.filter { !$0.hasPrefix("--job-name=") } + ["--job-name=mlrun:\(group)"]
        words += ["--array=0-\(requests.count - 1)", "--output=\(folder)/array-%A_%a.log"]
        let job = try answer(words + shared + options + [base + ".sh"], first.stage)
        return requests.indices.map { "\(job)_\($0)" }
    }

    private func answer(_ words: [String], _ stage: Stage) throws -> String {
        let variables = Dictionary(environment.map { ($0.key, Optional($0.value)) }) { first, _ in first }
        let answer = try Subprocess(words, environment: variables).run()
        guard answer.status == 0, let job = answer.text.split(whereSeparator: { ";\n".contains($0) }).first else {
            throw MLError(
                .failed,
                "sbatch does not take stage '\(stage.address)': "
                    + answer.errorText.split(separator: "\n").joined(separator: "; "))
        }
        return String(job)
    }

    /// What Slurm itself wrote about a job of an array.
    func words(of job: String) -> String {
        defer { forget(job) }
        return (try? Files.readText(log(job))) ?? ""
    }

    func forget(_ job: String) { try? Files.remove(log(job)) }

    private func log(_ job: String) -> String { "\(folder)/array-\(job).log" }
}
