import Base
import Glibc

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
final class SlurmQueue: @unchecked Sendable {
    private let mutex = Mutex()
    private let interval: Double
    private var asked = -Double.infinity
    private var pending: Set<String> = []

    init(interval: Double) { self.interval = interval }

    /// Whether a job waits or runs. Jobs that were requeued do.
    func isPending(_ job: String) throws -> Bool {
        try mutex.withLock {
            if pending.contains(job), monotonicSeconds() - asked < interval * 0.9 { return true }
            let answer = try Subprocess(["squeue", "--me", "--array", "--noheader", "--format=%i %T"]).run()
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
