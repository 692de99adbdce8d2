import ArgumentParser
import Base
import CommandKit
import GitKit

struct DeployStatus: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "What the servers of this repository serve.")

    @Flag(help: "Print JSON.") var json = false
    @OptionGroup var common: CommonOptions

    func run() throws {
        let session = try RunSession(common)
        let states = try ServingState.all(session.repository.commonDirectory)
        if json { return session.ui.print((["version": 1, "servers": .array(states.map(\.json))] as JSON).compact()) }
        if states.isEmpty { return session.ui.status("No server of this repository runs.") }
        let rows = states.map { state in
            [
                state.url, state.model, String(state.version.prefix(10)), state.since.description,
                state.reference ?? "-", state.details,
            ]
        }
        TableView(
            columns: ["Server", "Model", "Commit", "Since", "Follows", ""].map { .text($0) }, rows: rows
        ).show(.terminal, session.ui)
    }
}
