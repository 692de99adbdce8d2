import Base
import Glibc

/// Processors and memory that stages running at once share.
///
/// A stage that asks for more than there is runs when nothing else does.
final class ResourcePool {
    private let processors: Int
    private let memory: Int
    private var usedProcessors = 0
    private var usedMemory = 0
    private var users = 0

    /// - Parameters:
    ///   - processors: what `-j` says.
    ///   - memory: mebibytes; all of the machine's by default.
    init(
        processors: Int, memory: Int = Int(sysconf(Int32(_SC_PHYS_PAGES))) * Int(sysconf(Int32(_SC_PAGESIZE))) >> 20
    ) {
        self.processors = processors
        self.memory = memory
    }

    var isExhausted: Bool { usedProcessors >= processors }

    /// Whether the stage must wait for others to end.
    func isTooLarge(_ stage: Stage) -> Bool {
        guard users > 0 else { return false }
        let (cpus, megabytes) = need(stage)
        return usedProcessors + cpus > processors || usedMemory + megabytes > memory
    }

    func take(_ stage: Stage) {
        let (cpus, megabytes) = need(stage)
        usedProcessors += cpus
        usedMemory += megabytes
        users += 1
    }

    func give(_ stage: Stage) {
        let (cpus, megabytes) = need(stage)
        usedProcessors -= cpus
        usedMemory -= megabytes
        users -= 1
    }

    private func need(_ stage: Stage) -> (cpus: Int, megabytes: Int) {
        let cpus = max(1, stage.settings.resources["cpus"]?.intValue ?? 1)
        return (min(cpus, processors), min(max(0, stage.settings.resources["mem_mb"]?.intValue ?? 0), memory))
    }
}
