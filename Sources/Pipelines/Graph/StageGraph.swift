import Base

/// The stages of a project and which of them make what others read.
public struct StageGraph: Sendable {
    /// Stages in the order of their files.
    public let stages: [Stage]
    /// For each stage, the stages that make what it reads, in the order it lists them.
    public let upstream: [[Int]]
    /// For each stage, the stages that read what it makes, in order.
    public let downstream: [[Int]]
    private let indexByAddress: [String: Int]
    private let outputs: OutputIndex

    /// Connects stages by their paths: a dependency (or param file) is made by a stage when it is an output, lies in
    /// an output folder, or is a folder with outputs in it.
    ///
    /// - Throws: `MLError(.invalidInput)` for outputs that overlap, a pipeline file inside an output, and cycles.
    public init(_ stages: [Stage]) throws {
        self.stages = stages
        outputs = try OutputIndex(stages)
        var upstream: [[Int]] = []
        var downstream = [[Int]](repeating: [], count: stages.count)
        for (index, stage) in stages.enumerated() {
            var makers: [Int] = []
            for path in stage.dependencies + stage.params.map(\.file) {
                for maker in outputs.makers(of: path) where !makers.contains(maker) {
                    if maker == index {
                        throw MLError(
                            .invalidInput, "stage '\(stage.address)' reads '\(path)', which it makes itself",
                            hint: "see \(stage.place)")
                    }
                    makers.append(maker)
                }
            }
            for maker in makers { downstream[maker].append(index) }
            upstream.append(makers)
        }
        self.upstream = upstream
        self.downstream = downstream
        var indexByAddress: [String: Int] = [:]
        for (index, stage) in stages.enumerated() {
            guard indexByAddress.updateValue(index, forKey: stage.address) == nil else {
                throw MLError(.invalidInput, "there are two stages '\(stage.address)'")
            }
        }
        self.indexByAddress = indexByAddress
        if let cycle = findCycle() {
            let names = (cycle + cycle.prefix(1)).map { stages[$0].address }
            throw MLError(
                .invalidInput, "the stages depend on each other: \(names.joined(separator: " -> "))",
                hint: "see " + cycle.map { stages[$0].place }.joined(separator: ", "))
        }
    }

    /// The stage at an address.
    public func index(of address: String) -> Int? { indexByAddress[address] }

    /// The stages that make `path`, something in it, or a folder around it.
    public func makers(of path: String) -> [Int] { outputs.makers(of: path) }

    /// The stage that lists exactly this output.
    public func maker(ofOutput path: String) -> Int? { outputs.maker(ofOutput: path) }

    /// What must be looked at before a stage: nothing before a frozen one.
    public func activeUpstream(_ index: Int) -> [Int] { stages[index].isFrozen ? [] : upstream[index] }

    /// The stages of `roots` and all they need, each after what it needs (depth-first post-order, as DVC runs them).
    public func postOrder(from roots: [Int], within allowed: Set<Int>? = nil) -> [Int] {
        var result: [Int] = []
        var seen: Set<Int> = []
        for root in roots where allowed?.contains(root) ?? true && seen.insert(root).inserted {
            var stack: [(node: Int, next: Int)] = [(root, 0)]
            while let (node, next) = stack.last {
                let needs = activeUpstream(node)
                if next == needs.count {
                    result.append(node)
                    stack.removeLast()
                    continue
                }
                stack[stack.count - 1].next += 1
                let need = needs[next]
                if allowed?.contains(need) ?? true, seen.insert(need).inserted { stack.append((need, 0)) }
            }
        }
        return result
    }

    /// `roots` and everything reached from them along `edges`.
    public func closure(of roots: [Int], along edges: (Int) -> [Int]) -> Set<Int> {
        var seen = Set(roots)
        var stack = roots
        while let node = stack.popLast() {
            for next in edges(node) where seen.insert(next).inserted { stack.append(next) }
        }
        return seen
    }

    /// `roots` and all that read, directly or not, what they make; frozen stages do not pass changes on to themselves.
    public func descendants(of roots: [Int]) -> Set<Int> {
        closure(of: roots) { downstream[$0].filter { !stages[$0].isFrozen } }
    }

    /// `roots` and all they need, directly or not, frozen or not.
    public func ancestors(of roots: [Int]) -> Set<Int> { closure(of: roots) { upstream[$0] } }

    /// Everything connected with `roots` in either direction.
    public func component(of roots: [Int]) -> Set<Int> { closure(of: roots) { upstream[$0] + downstream[$0] } }

    /// A cycle in running order (each makes what the next one reads), starting at the stage listed first.
    private func findCycle() -> [Int]? {
        // 0 not seen, 1 on the path, 2 done
        var state = [UInt8](repeating: 0, count: stages.count)
        for root in stages.indices where state[root] == 0 {
            var path: [(node: Int, next: Int)] = [(root, 0)]
            state[root] = 1
            while let (node, next) = path.last {
                if next == upstream[node].count {
                    state[node] = 2
                    path.removeLast()
                    continue
                }
                path[path.count - 1].next += 1
                let need = upstream[node][next]
                if state[need] == 1, let start = path.firstIndex(where: { $0.node == need }) {
                    let cycle = Array(path[start...].map(\.node).reversed())
                    let first = cycle.indices.min { cycle[$0] < cycle[$1] } ?? 0
                    return Array(cycle[first...] + cycle[..<first])
                }
                if state[need] == 0 {
                    state[need] = 1
                    path.append((need, 0))
                }
            }
        }
        return nil
    }
}
