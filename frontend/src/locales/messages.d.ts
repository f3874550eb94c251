/** Made by build/messages.js of the JSON file of the same name. */
declare module "messages:*" {
  export type Messages = Record<string, unknown>;
  const messages: Messages;
  export default messages;
}
