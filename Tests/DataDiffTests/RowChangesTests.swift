import Testing
@testable import DataDiff
@Suite struct RowChangesTests {}
