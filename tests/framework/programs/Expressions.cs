// System.Linq.Expressions (trees, compiled and interpreted, visitors, text) and Microsoft.CSharp (dynamic).
using System;
using System.Collections.Generic;
using System.Dynamic;
using System.Linq;
using System.Linq.Expressions;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;

public class Shape
{
    public int Width; public string Name { get; set; } public List<int> Items = new List<int>(); public Shape Inner; public Dictionary<string, int> Map { get; } = new Dictionary<string, int>();
    public Shape() { }
    public Shape(int width, string name) { Width = width; Name = name; }
    public int Area(int height) { return Width * height; }
    public int Area(double height, int times = 2) { return (int)(Width * height) * times; }
    public string Join(params object[] parts) { return string.Concat(parts); }
    public T Echo<T>(T value) { return value; }
    public int this[int i] { get { return Width + i; } set { Width = value - i; } }
    public event Action<int> Changed;
    public void Raise(int x) { Changed?.Invoke(x); }
    public static Shape operator +(Shape a, Shape b) { return new Shape(a.Width + b.Width, a.Name + b.Name); }
    public static bool operator true(Shape a) { return a.Width > 0; }
    public static bool operator false(Shape a) { return a.Width <= 0; }
    public static implicit operator int(Shape a) { return a.Width; }
    public static explicit operator string(Shape a) { return "shape " + a.Name; }
    public void Out(out int a, ref string b) { a = 5; b += "!"; }
}

public enum Mode : short { Off, On = 3 }

sealed class Renamer : ExpressionVisitor
{
    public int Count;
    protected override Expression VisitConstant(ConstantExpression node) { Count++; return node.Type == typeof(int) ? Expression.Constant((int)node.Value + 1) : node; }
    protected override Expression VisitBinary(BinaryExpression node) { Count++; return base.VisitBinary(node); }
}

sealed class Bag : DynamicObject
{
    readonly Dictionary<string, object> values = new Dictionary<string, object>();
    public override bool TryGetMember(GetMemberBinder binder, out object result) { if (!values.TryGetValue(binder.Name, out result)) result = "no " + binder.Name; return true; }
    public override bool TrySetMember(SetMemberBinder binder, object value) { values[binder.Name] = value; return true; }
    public override bool TryInvokeMember(InvokeMemberBinder binder, object[] args, out object result) { result = binder.Name + args.Length + binder.CallInfo.ArgumentCount; return true; }
    public override bool TryBinaryOperation(BinaryOperationBinder binder, object arg, out object result) { result = binder.Operation + "" + arg; return true; }
    public override bool TryConvert(ConvertBinder binder, out object result) { result = binder.Type == typeof(int) ? (object)77 : "conv"; return true; }
    public override bool TryGetIndex(GetIndexBinder binder, object[] indexes, out object result) { result = string.Join(",", indexes); return true; }
    public override bool TrySetIndex(SetIndexBinder binder, object[] indexes, object value) { values["i" + indexes[0]] = value; return true; }
    public override bool TryUnaryOperation(UnaryOperationBinder binder, out object result) { result = binder.Operation.ToString(); return true; }
    public override bool TryInvoke(InvokeBinder binder, object[] args, out object result) { result = "invoked" + args.Length; return true; }
    public override IEnumerable<string> GetDynamicMemberNames() { return values.Keys; }
}

static class Expressions
{
    static void Run(StringBuilder log, string name, LambdaExpression lambda, params object[] args)
    {
        log.Append(name).Append(": ").Append(lambda);
        foreach (bool interpret in new[] { true, false })
            try { log.Append(" = ").Append(Show(lambda.Compile(interpret).DynamicInvoke(args))); }
            catch (TargetInvocationException e) { log.Append(" ! ").Append(e.InnerException.GetType().Name); }
        log.Append('\n');
    }

    static string Show(object value) { return value is System.Collections.IEnumerable items && !(value is string) ? string.Join(";", items.Cast<object>()) : value == null ? "null" : value.ToString(); }

    static void Trees(StringBuilder log)
    {
        foreach (Type type in new[] { typeof(int), typeof(uint), typeof(long), typeof(ulong), typeof(short), typeof(ushort), typeof(double), typeof(float), typeof(decimal), typeof(int?), typeof(double?), typeof(byte), typeof(bool), typeof(bool?), typeof(long?) })
        {
            Type raw = Nullable.GetUnderlyingType(type) ?? type;
            object left = raw == typeof(bool) ? (object)true : Convert.ChangeType(13, raw), right = raw == typeof(bool) ? (object)false : Convert.ChangeType(5, raw);
            ParameterExpression x = Expression.Parameter(type, "x"), y = Expression.Parameter(type, "y");
            foreach (ExpressionType kind in new[] { ExpressionType.Add, ExpressionType.AddChecked, ExpressionType.Subtract, ExpressionType.SubtractChecked, ExpressionType.Multiply, ExpressionType.MultiplyChecked, ExpressionType.Divide, ExpressionType.Modulo, ExpressionType.And, ExpressionType.Or, ExpressionType.ExclusiveOr, ExpressionType.LessThan, ExpressionType.LessThanOrEqual, ExpressionType.GreaterThan, ExpressionType.GreaterThanOrEqual, ExpressionType.Equal, ExpressionType.NotEqual, ExpressionType.AndAlso, ExpressionType.OrElse })
                try
                {
                    LambdaExpression lambda = Expression.Lambda(Expression.MakeBinary(kind, x, y), x, y);
                    Delegate f = lambda.Compile(true); log.Append(lambda.Body).Append('=').Append(Show(f.DynamicInvoke(left, right))).Append(Show(f.DynamicInvoke(right, left)));
                    if (type != raw) log.Append(Show(f.DynamicInvoke(left, null)));
                    log.Append(' ');
                }
                catch (InvalidOperationException e) { log.Append(e.Message).Append(' '); }
                catch (TargetInvocationException e) { log.Append(e.InnerException.Message).Append(' '); }
            foreach (ExpressionType kind in new[] { ExpressionType.Negate, ExpressionType.NegateChecked, ExpressionType.Not, ExpressionType.OnesComplement, ExpressionType.Increment, ExpressionType.Decrement, ExpressionType.UnaryPlus, ExpressionType.IsTrue, ExpressionType.IsFalse })
                try { LambdaExpression lambda = Expression.Lambda(Expression.MakeUnary(kind, x, null), x); log.Append(lambda).Append(Show(lambda.Compile(true).DynamicInvoke(left))).Append(type != raw ? Show(lambda.Compile(true).DynamicInvoke(new object[] { null })) : ""); } catch (InvalidOperationException) { log.Append('-'); } catch (TargetInvocationException e) { log.Append(e.InnerException.GetType().Name); }
            foreach (Type to in new[] { typeof(int), typeof(long), typeof(double), typeof(byte), typeof(object), typeof(decimal), typeof(float?), typeof(ushort), typeof(Mode) })
                foreach (bool check in new[] { false, true })
                    try { UnaryExpression convert = check ? Expression.ConvertChecked(x, to) : Expression.Convert(x, to); log.Append(Show(Expression.Lambda(convert, x).Compile(true).DynamicInvoke(left))).Append(','); } catch (InvalidOperationException) { log.Append('-'); } catch (TargetInvocationException e) { log.Append(e.InnerException.GetType().Name); }
            log.Append('\n');
        }
    }

    static void Statements(StringBuilder log)
    {
        ParameterExpression n = Expression.Variable(typeof(int), "n"), sum = Expression.Variable(typeof(int), "sum"), e = Expression.Variable(typeof(Exception), "e"), s = Expression.Parameter(typeof(Shape), "s"), o = Expression.Parameter(typeof(object), "o"), t = Expression.Parameter(typeof(string), "t"), a = Expression.Parameter(typeof(int[]), "a");
        LabelTarget end = Expression.Label(typeof(int), "end"), next = Expression.Label("next");
        Run(log, "loop", Expression.Lambda(Expression.Block(new[] { sum }, Expression.Assign(sum, Expression.Constant(0)), Expression.Loop(Expression.Block(Expression.IfThen(Expression.LessThanOrEqual(n, Expression.Constant(0)), Expression.Break(end, sum)), Expression.AddAssign(sum, Expression.PostDecrementAssign(n)), Expression.IfThen(Expression.Equal(n, Expression.Constant(3)), Expression.Continue(next)), Expression.PreIncrementAssign(sum)), end, next)), n), 6);
        Run(log, "try", Expression.Lambda(Expression.TryCatchFinally(Expression.Block(Expression.Divide(Expression.Constant(10), n)), Expression.AddAssign(n, Expression.Constant(1)), Expression.Catch(typeof(DivideByZeroException), Expression.Constant(-1)), Expression.Catch(e, Expression.Block(Expression.Constant(-2)), Expression.Constant(true))), n), 0);
        Run(log, "throw", Expression.Lambda(Expression.TryCatch(Expression.Throw(Expression.New(typeof(InvalidOperationException).GetConstructor(new[] { typeof(string) }), Expression.Constant("m")), typeof(string)), Expression.Catch(e, Expression.Property(e, "Message")))));
        Run(log, "uncaught", Expression.Lambda(Expression.Convert(o, typeof(Shape)), o), "text");
        Run(log, "switch", Expression.Lambda(Expression.Switch(n, Expression.Constant("many"), Expression.SwitchCase(Expression.Constant("one"), Expression.Constant(1)), Expression.SwitchCase(Expression.Constant("few"), Expression.Constant(2), Expression.Constant(3))), n), 3);
        Run(log, "strings", Expression.Lambda(Expression.Switch(t, Expression.Constant(0), Enumerable.Range(0, 9).Select(i => Expression.SwitchCase(Expression.Constant(i * 10), Expression.Constant("k" + i))).ToArray()), t), "k7");
        Run(log, "condition", Expression.Lambda(Expression.Condition(Expression.TypeIs(o, typeof(string)), Expression.Call(Expression.TypeAs(o, typeof(string)), "ToUpper", null), Expression.Coalesce(Expression.TypeAs(o, typeof(string)), Expression.Constant("none"))), o), "abc");
        Run(log, "typeequal", Expression.Lambda(Expression.TypeEqual(o, typeof(Shape)), o), new Shape());
        Run(log, "member", Expression.Lambda(Expression.Add(Expression.Field(s, "Width"), Expression.Property(Expression.Property(s, "Name"), "Length")), s), new Shape(3, "four"));
        Run(log, "null member", Expression.Lambda(Expression.Property(s, "Name"), s), new object[] { null });
        Run(log, "index", Expression.Lambda(Expression.Block(Expression.Assign(Expression.MakeIndex(s, typeof(Shape).GetProperty("Item"), new[] { Expression.Constant(4) }), Expression.Constant(40)), Expression.Property(s, "Item", Expression.Constant(1))), s), new Shape(1, "i"));
        Run(log, "array", Expression.Lambda(Expression.Block(Expression.Assign(Expression.ArrayAccess(a, Expression.Constant(1)), Expression.ArrayLength(a)), Expression.NewArrayInit(typeof(int), Expression.ArrayIndex(a, Expression.Constant(1)), Expression.Constant(9))), a), new[] { 1, 2, 3 });
        Run(log, "bounds", Expression.Lambda(Expression.NewArrayBounds(typeof(string), Expression.Constant(2), Expression.Constant(3))));
        Run(log, "init", Expression.Lambda(Expression.Property(Expression.MemberInit(Expression.New(typeof(Shape)), Expression.Bind(typeof(Shape).GetField("Width"), Expression.Constant(8)), Expression.Bind(typeof(Shape).GetProperty("Name"), Expression.Constant("made")), Expression.ListBind(typeof(Shape).GetField("Items"), Expression.ElementInit(typeof(List<int>).GetMethod("Add"), Expression.Constant(1)))), "Name")));
        Run(log, "list", Expression.Lambda(Expression.ListInit(Expression.New(typeof(List<int>)), Expression.Constant(4), Expression.Constant(5))));
        Run(log, "closure", Expression.Lambda(Expression.Block(new[] { sum }, Expression.Assign(sum, n), Expression.Invoke(Expression.Lambda(Expression.AddAssign(sum, Expression.Constant(5)))), Expression.Invoke(Expression.Invoke(Expression.Lambda(Expression.Lambda(Expression.Multiply(sum, n)))))), n), 6);
        Run(log, "quote", Expression.Lambda(Expression.Quote(Expression.Lambda(Expression.Add(n, Expression.Constant(1)), n))));
        Run(log, "goto", Expression.Lambda(Expression.Block(Expression.Goto(next), Expression.Throw(Expression.New(typeof(Exception))), Expression.Label(next), Expression.Default(typeof(DateTime)))));
        Run(log, "power", Expression.Lambda(Expression.Power(Expression.Constant(2.0), Expression.Constant(10.0)))); Run(log, "shift", Expression.Lambda(Expression.LeftShift(n, Expression.RightShift(Expression.Constant(9), Expression.Constant(2))), n), 3); Run(log, "unbox", Expression.Lambda(Expression.Unbox(o, typeof(int)), o), 5); Run(log, "operator", Expression.Lambda(Expression.Add(s, s), s), new Shape(2, "x"));
        Expression<Func<int, IEnumerable<string>, string>> written = (k, words) => words.Where(w => w.Length > k).OrderByDescending(w => w).Select(w => new { w, len = w.Length }).Select(p => p.w + p.len * k + (k > 1 ? "a" : words.FirstOrDefault() ?? "b")).FirstOrDefault();
        Run(log, "query", written, 2, new[] { "one", "three", "five" });
        var visitor = new Renamer(); log.Append(visitor.Visit(written)).Append(visitor.Count).Append('\n');
        Expression<Func<Shape, object>> member = p => new Shape { Width = p.Width + 1, Inner = { Name = "in" }, Items = { 1, 2 }, Map = { { "k", 3 } } }.Area(3) + (p.Name as object as string ?? "x").Substring(1, 2).Length + p.Items.Count + p.Echo(Mode.On).ToString().Length; log.Append(member).Append('\n');
        foreach (Action failing in new Action[] { () => Expression.Add(n, t), () => Expression.Call(s, "None", null), () => Expression.Property(s, "None"), () => Expression.Lambda(n).Compile(), () => Expression.Convert(s, typeof(Guid)), () => Expression.Assign(Expression.Constant(1), Expression.Constant(2)), () => Expression.New(typeof(IDisposable)), () => Expression.Condition(t, n, n), () => Expression.Call(typeof(Shape).GetMethod("Raise"), n), () => Expression.Lambda<Action>(n, n), () => Expression.Parameter(typeof(void)), () => Expression.NewArrayInit(typeof(int), t), () => Expression.Switch(n), () => Expression.MakeUnary(ExpressionType.Add, n, null) }) try { failing(); log.Append("ok\n"); } catch (Exception x) { log.Append(x.GetType().Name).Append(x.Message.Split('\n')[0]).Append('\n'); }
    }

    static void Try(StringBuilder log, Func<object> action) { try { log.Append(Show(action())).Append(' '); } catch (Exception e) { log.Append(e.GetType().Name).Append(':').Append(e.Message).Append('\n'); } }

    static void Dynamics(StringBuilder log)
    {
        foreach (dynamic x in new object[] { 7, 7.5, (byte)7, "str", 7m, true, Mode.On, new Shape(7, "seven"), null })
            foreach (dynamic y in new object[] { 3L, "s", 'd', 5ul })
            {
                Try(log, () => x + y); Try(log, () => x * y); Try(log, () => x < y); Try(log, () => x == y); Try(log, () => x & y); Try(log, () => x - y); Try(log, () => x / y); Try(log, () => x << y); Try(log, () => x && y); Try(log, () => x != y);
            }
        foreach (dynamic x in new object[] { 7, -7.5, (byte)7, "str", true, Mode.On, new Shape(1, "u"), 8m, 'c' }) { Try(log, () => -x); Try(log, () => !x); Try(log, () => ~x); Try(log, () => { dynamic z = x; z++; return z; }); Try(log, () => { dynamic z = x; z += 1; return z; }); Try(log, () => (int)x); Try(log, () => { string z = x; return z; }); Try(log, () => (Mode)x); Try(log, () => { long z = x; return z; }); Try(log, () => x.Length); Try(log, () => x.ToString()); Try(log, () => x ? 1 : 2); Try(log, () => { checked { return (byte)(x * 100); } }); }
        dynamic shape = new Shape(4, "dyn");
        Try(log, () => shape.Area(3)); Try(log, () => shape.Area(2.5)); Try(log, () => shape.Area(height: 2.5, times: 3)); Try(log, () => shape.Area("x")); Try(log, () => shape.Join(1, "b", 'c')); Try(log, () => shape.Join()); Try(log, () => shape.Echo("e")); Try(log, () => shape.Echo<long>(5)); Try(log, () => shape[2]); Try(log, () => { shape[1] = 11; return shape.Width; }); Try(log, () => { shape.Name = "renamed"; return shape.Name; }); Try(log, () => shape.None); Try(log, () => shape.None()); Try(log, () => { shape.Width = "text"; return 1; }); Try(log, () => (string)shape); Try(log, () => { int w = shape; return w; }); Try(log, () => shape + shape); Try(log, () => shape ? "t" : "f"); Try(log, () => shape.Inner.Name); Try(log, () => { int fired = 0; Action<int> handler = v => fired += v; shape.Changed += handler; shape.Raise(5); shape.Changed -= handler; shape.Raise(5); return fired; }); Try(log, () => { int a; string b = "r"; shape.Out(out a, ref b); return a + b; }); Try(log, () => Math.Max((dynamic)3, 4.5)); Try(log, () => new Shape((dynamic)5, "ctor").Name); Try(log, () => string.Format("{0}-{1}", (dynamic)1, (dynamic)"z")); Try(log, () => ((dynamic)new[] { 5, 6 })[1]); Try(log, () => ((dynamic)new List<string> { "l" }).Count); Try(log, () => ((dynamic)new Dictionary<string, int> { ["d"] = 4 })["d"]); Try(log, () => ((dynamic)(Func<int, int>)(v => v * 2))(21)); Try(log, () => { dynamic total = 0; foreach (dynamic item in (dynamic)new object[] { 1, 2.5, 3m == 3 ? 4 : 5 }) total += item; return total; }); Try(log, () => ((dynamic)"abc").Substring(1).ToUpper().Contains("B")); Try(log, () => { dynamic d = 1; return d is int && d is IComparable; }); Try(log, () => Enumerable.Sum((dynamic)new[] { 1, 2, 3 }));
        dynamic bag = new Bag(); bag.X = 5; Try(log, () => bag.X + 1); Try(log, () => bag.Y); Try(log, () => bag.Do(1, two: 2)); Try(log, () => bag + 3); Try(log, () => (int)bag); Try(log, () => { string z = bag; return z; }); Try(log, () => bag[1, "k"]); Try(log, () => { bag[3] = 4; return bag.i3; }); Try(log, () => -bag); Try(log, () => bag(1, 2));
        dynamic expando = new ExpandoObject(); expando.A = 1; expando.B = (Func<int, int>)(v => v + expando.A); expando.A++; Try(log, () => expando.B(10)); Try(log, () => expando.C); Try(log, () => ((IDictionary<string, object>)expando).Count); Try(log, () => { ((IDictionary<string, object>)expando).Remove("A"); return expando.A; }); foreach (KeyValuePair<string, object> pair in (IDictionary<string, object>)expando) log.Append(pair.Key);
    }

    public static string Body()
    {
        var log = new StringBuilder();
        Trees(log); Statements(log); Dynamics(log);
        return log.ToString();
    }

    static int Main() { return Harness.Run(Body); }
}
