// What an editor does with Kusto queries, by Kusto.Language (tests/acceptance/test_libraries.py): parsing and analysis, all
// nodes with their types, tokens, formatting, colours, completions at every ninth character, actions, outlines.
//
// Queries ROUNDS: prints size and digest of all that was found for each query, and one of everything. Rounds after the
// first one take queries that are cut off, which have other errors each time.
using System;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using Kusto.Language;
using Kusto.Language.Editor;
using Kusto.Language.Symbols;
using Kusto.Language.Syntax;

public static class Queries
{
    static readonly string[] Texts =
    {
        "Events | where Start > ago(7d) and State in~ ('TEXAS','OHIO') | summarize c=count(), d=dcount(Kind), avg(Damage),"
            + " percentiles(Damage,50,95) by bin(Start,1h), State | order by c desc | take 10 | project-rename n=c"
            + " | extend r = n*1.5/2, s=strcat(State,'-',tostring(n))",
        "let f=(x:long,y:string){ Events | where Id==x and Kind==y | join kind=inner (People | project Name, Id) on Id"
            + " | mv-expand z=parse_json(Props).a to typeof(int) | make-series n=sum(z) default=0 on Start"
            + " from datetime(2020-01-01) to now() step 1d by Name}; f(3,'x') | render timechart with (title='x')",
        "People | parse Name with first:string ' ' last:string | evaluate pivot(first, count(), last)"
            + " | union (print x=1, y=dynamic([1,2,{\"a\":3}])) | where isnotempty(first) or first matches regex @'[a-z]+'"
            + " | top 3 by last asc nulls first | serialize rn=row_number() | scan with (step s1: rn>1 => q=rn; step s2: rn<5;)",
        "range x from 1 to 10 step 1 | extend y=case(x<3,'a',x<5,'b','c'), z=iif(x%2==0, todouble(x), real(null)),"
            + " w=x between (1..5), t=datetime_add('day',x,now()), b=bag_pack('a',x,'b',y)"
            + " | summarize make_list(y), take_any(*), arg_max(z,*) by w",
        ".show tables | where TableName startswith 'S'",
        ".create table T (a:string, b:int, c:dynamic) with (docstring='d')",
        ".ingest inline into table T <| 1,2,3",
        "Events | wher x",
        "Events | where (",
        "let a = 1; let b = toscalar(Events | count); print a+b+c",
        "Events | extend x = Stat | project State1, Id.foo, Props.bar[1].baz",
        "Events | as hint.materialized=true Q; Q | join kind=leftanti (Q) on $left.Id == $right.Id | lookup People on Id"
            + " | distinct Name, State | sample 3 | count",
        "print 0x1F, 1e5, 1d, 2.5h, time(1.02:03:04), guid(74be27de-1e4e-49d9-b579-fe0b331d3642), dynamic({'a':[1,2,{}]}),"
            + " h'secret', @'raw\\', ```multi\nline```, bool(null), datetime(2017-01-01), decimal(1.5), -x",
        "declare query_parameters(p:string='a', q:long=3); Events | where State==p and Id>q | facet by State, Kind with (take 3)",
        "Events | partition hint.strategy=native by State (top 3 by Id) | invoke g(3) | getschema | consume",
        "let T=datatable(a:int,b:string)[1,'x',2,'y']; T | mv-apply q=b on (extend a1=a) | project-away b | sort by a1",
    };

    public static int Main(string[] args)
    {
        var all = new StringBuilder();
        for (int round = 0; round < int.Parse(args[0]); round++)
        {
            GlobalState globals = MakeGlobals();
            foreach (string text in Texts)
            {
                string found = Study(round == 0 ? text : text.Substring(0, text.Length * (round * 7 % 13 + 1) / 13), globals);
                if (round == 0) Console.WriteLine(found.Length + " " + Digest(found));
                all.Append(found);
            }
        }
        Console.WriteLine(Digest(all.ToString()));
        return 0;
    }

    static GlobalState MakeGlobals()
    {
        var events = new TableSymbol(
            "Events", "(Id: long, Start: datetime, End: datetime, State: string, Kind: string, Damage: real, Props: dynamic)");
        var people = new TableSymbol("People", "(Id: long, Name: string, Age: int)");
        var function = new FunctionSymbol("g", "(T:(*), n:long)", "{ T | take n }");
        var cluster = new ClusterSymbol("c", new DatabaseSymbol("d", events, people, function));
        return GlobalState.Default.WithCluster(cluster).WithDatabase("d");
    }

    static string Study(string text, GlobalState globals)
    {
        var found = new StringBuilder();
        KustoCode code = KustoCode.ParseAndAnalyze(text, globals);
        found.Append(code.Kind).Append(code.ResultType).Append(code.MaxDepth);
        foreach (Diagnostic each in code.GetDiagnostics())
            found.Append(each.Code).Append(each.Severity).Append(each.Message).Append(each.Start).Append(each.Length);
        SyntaxElement.WalkNodes(code.Syntax, node => found.Append(node.Kind).Append(node.TextStart).Append(node.Width)
            .Append((node as Expression)?.ResultType).Append(node.ReferencedSymbol?.Name));
        found.Append(code.Syntax.ToString(IncludeTrivia.Minimal));
        foreach (var token in code.GetLexicalTokens()) found.Append(token.Kind).Append(token.Text);

        var editor = new KustoCodeService(text, globals);
        found.Append(editor.GetFormattedText(FormattingOptions.Default.WithIndentationSize(2), 0).Text);
        foreach (var range in editor.GetClassifications(0, text.Length, true, default).Classifications)
            found.Append(range.Kind).Append(range.Start).Append(range.Length);
        for (int position = 0; position <= text.Length; position += 9)
        {
            CompletionInfo completions = editor.GetCompletionItems(position, null, default);
            found.Append(completions.Items.Count);
            foreach (CompletionItem item in completions.Items.Take(40)) found.Append(item.DisplayText).Append(item.Kind);
            found.Append(editor.GetQuickInfo(position, null, default)?.Text);
            foreach (var related in editor.GetRelatedElements(position, FindRelatedOptions.None, default).Elements)
                found.Append(related.Kind).Append(related.Start);
        }
        foreach (Diagnostic advice in editor.GetAnalyzerDiagnostics(default)) found.Append(advice.Code).Append(advice.Message);
        found.Append(editor.GetMinimalText(MinimalTextKind.RemoveLeadingWhitespaceAndComments, default));
        foreach (var outline in editor.GetOutlines(OutliningOptions.Default, default).Ranges)
            found.Append(outline.CollapsedText).Append(outline.Start);
        foreach (var action in editor.GetCodeActions(text.Length / 2, 0, 0, null, true, null, default).Actions)
            found.Append(action.Title);
        return found.ToString();
    }

    static string Digest(string text) => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
