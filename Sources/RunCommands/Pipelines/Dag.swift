import ArgumentParser
import Base
import CommandKit
import Pipelines
import Reports
import RunKit

struct Dag: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "dag", abstract: "Draw the graph of stages.")

    @Argument(help: ArgumentHelp("Only this stage and what it depends on.", valueName: "target")) var target: String?
    @Flag(help: "Print a Mermaid flowchart.") var mermaid = false
    @Flag(help: "Print Graphviz.") var dot = false
    @Flag(help: "Print Mermaid in a Markdown fence.") var md = false
    @Flag(help: "Print JSON.") var json = false
    @Flag(name: .shortAndLong, help: "Draw output files instead of stages.") var outs = false
    @Flag(help: "Draw stages of one 'foreach' or 'matrix' as one.") var collapseForeachMatrix = false
    @Flag(help: "With a target: the whole pipeline it belongs to.") var full = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try RunSession(common)
        let content = try session.runs.workTreeContent(session.runs.statCache())
        let graph = try session.runs.project(content).graph
        var wanted = Set(graph.stages.indices)
        if let target {
            let roots = try graph.resolve(target: target, in: session.folder)
            wanted = full ? graph.component(of: roots) : graph.ancestors(of: roots)
        }
        var drawing = outs ? outputs(graph, wanted, from: session.folder) : stages(graph, wanted, from: session.folder)
        if outs, let target, !full {
            // The target's outputs and what they are made of, not all that the same stages make.
            let path = try? RepositoryPath.normalize(target, in: session.folder)
            let made = try graph.resolve(target: target, in: session.folder).flatMap { graph.stages[$0].outputs }
                .map(\.path)
            let roots = made.filter { $0 == path }
            drawing = drawing.ancestors(
                of: (roots.isEmpty ? made : roots).map { RepositoryPath.relative($0, to: session.folder) })
        }
        if json {
            session.ui.write(drawing.json().pretty())
        } else if mermaid || md {
            session.ui.write(md ? drawing.markdown() : drawing.mermaid())
        } else if dot {
            session.ui.write(drawing.dot())
        } else {
            session.ui.write(GraphDrawing(drawing).terminal(width: session.ui.terminal.width))
        }
    }

    private func stages(_ graph: StageGraph, _ wanted: Set<Int>, from folder: String) -> Graph {
        func name(_ index: Int) -> String {
            let stage = graph.stages[index]
            guard collapseForeachMatrix, stage.group != nil else { return stage.address(from: folder) }
            return String(stage.address(from: folder).prefix { $0 != "@" })
        }
        let order = graph.postOrder(from: wanted.sorted(), within: wanted)
        var seen: Set<String> = []
        var edges: [Graph.Edge] = []
        for index in order {
            for upstream in graph.upstream[index] where wanted.contains(upstream) && name(upstream) != name(index) {
                let (from, to) = (name(upstream), name(index))
                if seen.insert("\(from)\n\(to)").inserted { edges.append(Graph.Edge(from, to)) }
            }
        }
        var nodes: Set<String> = []
        return Graph(nodes: order.map(name).filter { nodes.insert($0).inserted }, edges: edges)
    }

    private func outputs(_ graph: StageGraph, _ wanted: Set<Int>, from folder: String) -> Graph {
        func name(_ path: String) -> String { RepositoryPath.relative(path, to: folder) }
        let order = graph.postOrder(from: wanted.sorted(), within: wanted)
        var edges: [Graph.Edge] = []
        for index in order {
            for dependency in graph.stages[index].dependencies {
                for maker in graph.makers(of: dependency) where wanted.contains(maker) {
                    for source in graph.stages[maker].outputs where overlaps(source.path, dependency) {
                        edges += graph.stages[index].outputs.map {
                            Graph.Edge(name(source.path), name($0.path))
                        }
                    }
                }
            }
        }
        return Graph(nodes: order.flatMap { graph.stages[$0].outputs.map { name($0.path) } }, edges: edges)
    }

    private func overlaps(_ a: String, _ b: String) -> Bool { a == b || a.hasPrefix(b + "/") || b.hasPrefix(a + "/") }
}
