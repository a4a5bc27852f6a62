//! The tree of a template: held to what Go refuses when it parses one, and changed where the library does otherwise.

use gotmpl::parse::{
    ActionNode, BranchNode, CommandNode, DefineNode, Expr, ListNode, Node, Number, PipeNode, Pos, SmolStr,
};

use super::imaginary::Hidden;
use super::{BODY, functions};

/// Prints a value as Go does.
pub(super) const PRINT: &str = "__print";
/// Looks into a value, field by field, as Go does.
pub(super) const FIELD: &str = "__field";
/// Books what a list of nodes costs each time that it is gone through.
pub(super) const STEP: &str = "__step";

/// The body and the named templates of one text.
#[derive(Debug)]
pub(super) struct Tree {
    body: ListNode,
    defines: Vec<DefineNode>,
}

/// A message, where it is, and how long the word is.
type Mistake = (String, usize, usize);

impl Tree {
    /// `hidden` numbers are written as variables.
    pub(super) fn of(
        mut body: ListNode,
        mut defines: Vec<DefineNode>,
        hidden: &Hidden,
    ) -> Result<Self, Mistake> {
        Walk::new(hidden).list(&mut body)?;
        for define in &mut defines {
            Walk::new(hidden).list(&mut define.body)?;
        }
        Ok(Self { body, defines })
    }

    pub(super) fn add_to(&self, template: gotmpl::Template) -> gotmpl::Template {
        let with_defines = self
            .defines
            .iter()
            .fold(template, |template, define| template.add_parse_tree(&define.name, define.body.clone()));
        with_defines.add_parse_tree(BODY, self.body.clone())
    }
}

/// What can be named at a place, and how many expressions the list has so far that it is in.
struct Walk<'a> {
    variables: Vec<SmolStr>,
    /// How many loops it is inside of.
    loops: usize,
    expressions: i64,
    hidden: &'a Hidden,
}

impl<'a> Walk<'a> {
    fn new(hidden: &'a Hidden) -> Self {
        Self { variables: vec!["$".into()], loops: 0, expressions: 0, hidden }
    }

    /// Whatever goes on for long goes through some list many times over: each begins with what it costs, those inside it aside.
    fn list(&mut self, list: &mut ListNode) -> Result<(), Mistake> {
        let around = std::mem::take(&mut self.expressions);
        list.nodes.iter_mut().try_for_each(|node| self.node(node))?;
        let own = std::mem::replace(&mut self.expressions, around);
        let size = i64::try_from(list.nodes.len()).unwrap_or(i64::MAX).saturating_add(own);
        let book = command(list.pos, STEP, [Expr::Number(list.pos, Number::Int(size))]);
        let pipe = PipeNode { pos: list.pos, decl: Vec::new(), commands: vec![book], is_assign: false };
        list.nodes.insert(0, Node::Action(ActionNode { pos: list.pos, pipe }));
        Ok(())
    }

    /// What is declared inside `list` ends with it.
    fn block(&mut self, list: &mut ListNode) -> Result<(), Mistake> {
        let outside = self.variables.len();
        self.list(list)?;
        self.variables.truncate(outside);
        Ok(())
    }

    fn node(&mut self, node: &mut Node) -> Result<(), Mistake> {
        match node {
            Node::List(list) => self.list(list),
            Node::Action(ActionNode { pos, pipe }) => {
                self.pipe(pipe)?;
                if pipe.decl.is_empty() {
                    pipe.commands.push(command(*pos, PRINT, []));
                }
                Ok(())
            }
            Node::If(branch) | Node::With(branch) => self.branch(branch, 0),
            Node::Range(branch) => self.branch(branch, 1),
            Node::Template(call) => call.pipe.as_mut().map_or(Ok(()), |pipe| self.pipe(pipe)),
            Node::Define(define) => Self::new(self.hidden).list(&mut define.body),
            Node::Break(pos) => self.check_loop("break", *pos),
            Node::Continue(pos) => self.check_loop("continue", *pos),
            Node::Text(_) => Ok(()),
        }
    }

    /// A block whose body is a loop, or is none.
    fn branch(&mut self, branch: &mut BranchNode, loops: usize) -> Result<(), Mistake> {
        let outside = self.variables.len();
        self.pipe(&mut branch.pipe)?;
        self.loops += loops;
        self.block(&mut branch.body)?;
        self.loops -= loops;
        if let Some(body) = &mut branch.else_body {
            self.block(body)?;
        }
        self.variables.truncate(outside);
        Ok(())
    }

    fn check_loop(&self, word: &str, pos: Pos) -> Result<(), Mistake> {
        if self.loops > 0 {
            return Ok(());
        }
        Err((format!("{{{{{word}}}}} outside {{{{range}}}}"), pos.offset, word.len()))
    }

    fn pipe(&mut self, pipe: &mut PipeNode) -> Result<(), Mistake> {
        check_stages(pipe)?;
        for command in &mut pipe.commands {
            command.args.iter_mut().try_for_each(|arg| self.expr(arg))?;
        }
        for name in &pipe.decl {
            if pipe.is_assign {
                self.check_variable(name, pipe.pos)?;
            } else {
                self.variables.push(name.clone());
            }
        }
        Ok(())
    }

    fn check_variable(&self, name: &SmolStr, pos: Pos) -> Result<(), Mistake> {
        if self.variables.contains(name) {
            return Ok(());
        }
        Err((format!("undefined variable \"{name}\""), pos.offset, name.len()))
    }

    fn expr(&mut self, expr: &mut Expr) -> Result<(), Mistake> {
        self.expressions += 1;
        let looked_into = match expr {
            Expr::Identifier(pos, name) => {
                if functions::is_known(name) {
                    return Ok(());
                }
                return Err((format!("function \"{name}\" not defined"), pos.offset, name.len()));
            }
            Expr::Variable(pos, name, fields)
                if fields.is_empty() && self.hidden.contains_key(name.as_str()) =>
            {
                *expr = Expr::String(*pos, self.hidden[name.as_str()].as_str().into());
                return Ok(());
            }
            Expr::Variable(pos, name, fields) => {
                self.check_variable(name, *pos)?;
                (*pos, Expr::Variable(*pos, name.clone(), Vec::new()), std::mem::take(fields))
            }
            Expr::Field(pos, fields) => (*pos, Expr::Dot(*pos), std::mem::take(fields)),
            Expr::Chain(pos, inner, fields) => {
                self.expr(inner)?;
                (*pos, (**inner).clone(), std::mem::take(fields))
            }
            Expr::Pipe(_, pipe) => return self.pipe(pipe),
            Expr::Dot(_) | Expr::String(..) | Expr::Number(..) | Expr::Bool(..) | Expr::Nil(_) => {
                return Ok(());
            }
        };
        let (pos, value, fields) = looked_into;
        if fields.is_empty() {
            *expr = value;
            return Ok(());
        }
        let names = fields.iter().map(|field| Expr::String(pos, field.as_str().into()));
        let commands = vec![command(pos, FIELD, std::iter::once(value).chain(names))];
        *expr = Expr::Pipe(pos, PipeNode { pos, decl: Vec::new(), commands, is_assign: false });
        Ok(())
    }
}

/// What comes behind a `|` is given something, which a plain value can't be.
fn check_stages(pipe: &PipeNode) -> Result<(), Mistake> {
    for (at, command) in pipe.commands.iter().enumerate().skip(1) {
        let plain = matches!(
            command.args.first(),
            Some(Expr::Dot(_) | Expr::String(..) | Expr::Number(..) | Expr::Bool(..) | Expr::Nil(_))
        );
        if plain {
            return Err((
                format!("non executable command in pipeline stage {}", at + 1),
                command.pos.offset,
                1,
            ));
        }
    }
    Ok(())
}

fn command(pos: Pos, name: &str, args: impl IntoIterator<Item = Expr>) -> CommandNode {
    let args = std::iter::once(Expr::Identifier(pos, name.into())).chain(args).collect();
    CommandNode { pos, args }
}
