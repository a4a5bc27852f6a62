//! The tree of a template: held to what Go refuses when it parses one, and changed where the library does otherwise.

use gotmpl::parse::{
    ActionNode, CommandNode, DefineNode, Expr, ListNode, Node, Number, PipeNode, Pos, SmolStr,
};

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
    pub(super) fn of(mut body: ListNode, mut defines: Vec<DefineNode>) -> Result<Self, Mistake> {
        Walk::new().list(&mut body)?;
        for define in &mut defines {
            Walk::new().list(&mut define.body)?;
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

/// The variables that can be named at a place, and how many expressions the list has so far that they are in.
struct Walk {
    variables: Vec<SmolStr>,
    expressions: i64,
}

impl Walk {
    fn new() -> Self {
        Self { variables: vec!["$".into()], expressions: 0 }
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
            Node::If(branch) | Node::Range(branch) | Node::With(branch) => {
                let outside = self.variables.len();
                self.pipe(&mut branch.pipe)?;
                self.block(&mut branch.body)?;
                if let Some(body) = &mut branch.else_body {
                    self.block(body)?;
                }
                self.variables.truncate(outside);
                Ok(())
            }
            Node::Template(call) => call.pipe.as_mut().map_or(Ok(()), |pipe| self.pipe(pipe)),
            Node::Define(define) => Self::new().list(&mut define.body),
            Node::Text(_) | Node::Break(_) | Node::Continue(_) => Ok(()),
        }
    }

    fn pipe(&mut self, pipe: &mut PipeNode) -> Result<(), Mistake> {
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

fn command(pos: Pos, name: &str, args: impl IntoIterator<Item = Expr>) -> CommandNode {
    let args = std::iter::once(Expr::Identifier(pos, name.into())).chain(args).collect();
    CommandNode { pos, args }
}
