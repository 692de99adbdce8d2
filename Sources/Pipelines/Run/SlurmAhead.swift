import Base

/// Jobs that are submitted before their turn, each to begin when those before it have ended well.
///
/// Their files are named by the stage's address, since the key is not known before the stages before them have ended; the
/// job file says for which command, params and other inputs they were submitted.
final class SlurmAhead: @unchecked Sendable {
    private let folder: String
    private let runner: StageRunner
    private let queue: SlurmQueue
    private let arrays: SlurmArrays
    private let mutex = Mutex()
    private var waiting: [UpcomingStage] = []
    /// Ids of jobs by the address of the stage.
    private var jobs: [String: String] = [:]
    private var open: [String: SlurmJobFiles] = [:]

    init(folder: String, runner: StageRunner, queue: SlurmQueue, arrays: SlurmArrays) {
        self.folder = folder
        self.runner = runner
        self.queue = queue
        self.arrays = arrays
    }

    func add(_ upcoming: UpcomingStage) {
        mutex.withLock { waiting.append(upcoming) }
        submitReady()
    }

    /// A stage has got its job: what was announced behind it can follow.
    func note(_ stage: Stage, _ job: String) {
        mutex.withLock { jobs[stage.address] = job }
        submitReady()
    }

    /// The job that was submitted for a stage, by us or by a submitter before us; nil when none fits what it must do now.
    func take(_ job: StageJob) throws -> (files: SlurmJobFiles, id: String, waits: [String])? {
        let files = files(job.stage)
        let isOurs = mutex.withLock { () -> Bool in
            waiting.removeAll { $0.stage.address == job.stage.address }
            return open.removeValue(forKey: job.stage.address) != nil
        }
        guard let id = files.jobID, let note = note(files) else { return nil }
        let waits = note["waits"]?.arrayValue?.compactMap(\.stringValue) ?? []
        let isWanted = job.inputs.map {
            UpcomingStage.signature(job.stage, $0, waits: waits).hex == note["signature"]?.stringValue
        }
        // A failure that another submitter left is no answer: what was wrong may be right by now.
        let result = files.resultValue?["status"]?.intValue
        guard isWanted == true, try queue.isPending(id) || (isOurs ? result != nil : result == 0) else {
            try cancel(files)
            return nil
        }
        return (files, id, waits)
    }

    /// Cancels what nobody has taken.
    func withdraw() {
        let left = mutex.withLock { () -> [SlurmJobFiles] in
            defer { (open, waiting) = ([:], []) }
            return Array(open.values)
        }
        for files in left { try? cancel(files) }
    }

    private func submitReady() {
        let ready = mutex.withLock { () -> [(UpcomingStage, [String])] in
            let found = waiting.compactMap { upcoming -> (UpcomingStage, [String])? in
                let after = upcoming.after.compactMap { jobs[$0] }
                return after.count == upcoming.after.count ? (upcoming, after) : nil
            }
            waiting.removeAll { upcoming in found.contains { $0.0.stage.address == upcoming.stage.address } }
            return found
        }
        for (upcoming, after) in ready {
            // A job that cannot be submitted now is submitted when its turn has come.
            if let id = try? submit(upcoming, after) { note(upcoming.stage, id) }
        }
    }

    private func submit(_ upcoming: UpcomingStage, _ after: [String]) throws -> String {
        let (stage, files) = (upcoming.stage, files(upcoming.stage))
        // A submitter before us may have left the very job.
        if let id = files.jobID, let note = note(files), note["signature"]?.stringValue == upcoming.signature.hex,
            note["after"]?.arrayValue?.compactMap(\.stringValue) == after,
            try queue.isPending(id) || files.resultValue?["status"]?.intValue == 0
        {
            mutex.withLock { open[stage.address] = files }
            return id
        }
        try cancel(files)
        try Files.makeDirectories(folder)
        let script = SlurmScript(runner: runner).text(stage, files, waits: upcoming.waits)
        try Files.writeAtomically(script, to: files.script)
        let words = ["--job-name=mlrun:\(stage.address)"] + SlurmResources.words(stage.settings)
        let id = try arrays.submit(SlurmArrays.Request(words: words, stage: stage, files: files, after: after))
        let note: JSON = [
            "signature": .string(upcoming.signature.hex), "waits": JSON(upcoming.waits), "after": JSON(after),
        ]
        try Files.writeAtomically("\(id)\n\(note.compact())\n", to: files.job)
        mutex.withLock { open[stage.address] = files }
        return id
    }

    private func cancel(_ files: SlurmJobFiles) throws {
        if let id = files.jobID, try queue.isPending(id) { _ = try Subprocess(["scancel", id]).run() }
        files.remove()
    }

    private func files(_ stage: Stage) -> SlurmJobFiles {
        SlurmJobFiles(folder: folder, name: "ahead-" + ObjectID.of(stage.address).hex.prefix(24))
    }

    private func note(_ files: SlurmJobFiles) -> JSON? {
        guard let text = try? Files.readText(files.job) else { return nil }
        return text.split(separator: "\n").dropFirst().first.flatMap { try? JSON(parsing: String($0)) }
    }
}
